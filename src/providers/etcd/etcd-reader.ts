import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { asError } from '../../model/errors.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { isTokenRefused } from './etcd-faults.js'

/** Milliseconds that one read may take, including a login. */
const READ_MS = 3_000

/** Reads keys of one etcd host, as the user in `auth` if there is one. All errors of etcd3 are passed on. */
export class EtcdReader {
  readonly #connection: EtcdConnection
  readonly #client: EtcdClient
  readonly #pass: EtcdPass

  private constructor(connection: EtcdConnection, client: EtcdClient, pass: EtcdPass) {
    this.#connection = connection
    this.#client = client
    this.#pass = pass
  }

  /** Creates a reader. @param pass the object that receives the token of each login */
  static async to(connection: EtcdConnection, host: string, pass: EtcdPass): Promise<EtcdReader> {
    return new EtcdReader(connection, await EtcdClient.to(connection, host, pass), pass)
  }

  /**
   * Logs in, if there is a user. etcd3's own login is not used, because it opens a new connection each time and never closes it.
   *
   * @param deadline when the login must be done, in milliseconds since 1970
   */
  async logIn(deadline: number = Date.now() + READ_MS): Promise<void> {
    const { auth } = this.#connection
    if (!auth) return
    delete this.#pass.token
    const user = { name: auth.username, password: auth.password }
    const { token } = await this.#client.auth.authenticate(user, { deadline })
    this.#pass.token = token
  }

  /** Reads a range. The read is linearisable: it sees every write that was acknowledged before. */
  range(request: IRangeRequest): Promise<IRangeResponse> {
    return this.#ask((deadline) => this.#client.kv.range(request, { deadline }))
  }

  /** Reads several ranges in one linearisable transaction. @throws Error for an answer with another number of ranges */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    const success = requests.map((request_range) => ({ request_range }))
    const { header, responses } = await this.#ask((deadline) =>
      this.#client.kv.txn({ success }, { deadline }),
    )
    const answers = responses.flatMap(({ response_range }) => (response_range as IRangeResponse | null) ?? [])
    if (answers.length !== requests.length)
      throw new Error(`asked for ${requests.length} ranges, but the answer has ${answers.length}`)
    // The answers of a transaction may have no headers. All are of the revision in the header of the transaction.
    return answers.map((answer) => ({ ...answer, header }))
  }

  /** Asks a question. If etcd refuses the token, it logs in and asks once more. */
  async #ask<T>(question: (deadline: number) => Promise<T>): Promise<T> {
    const deadline = Date.now() + READ_MS
    const ask = () => question(deadline)
    try {
      return await ask()
    } catch (thrown) {
      if (!this.#connection.auth || !isTokenRefused(asError(thrown))) throw thrown
      // Tokens expire regularly. There is only one retry, because a faulty etcd may refuse every new token too.
      await this.logIn(deadline)
      return await ask()
    }
  }

  /** Closes the connection and fails the reads in progress. */
  close(): void {
    this.#client.close()
  }
}
