import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { asError } from '../../model/errors.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { isTokenRefused } from './etcd-faults.js'

/** Maximum milliseconds of one read, including a login. */
const READ_MS = 3_000

/**
 * Reads keys from one etcd host, logged in as the user of the option `auth` if there is one. All errors of etcd3 are passed on to
 * the caller.
 */
export class EtcdReader {
  readonly #connection: EtcdConnection
  readonly #client: EtcdClient
  readonly #pass: EtcdPass

  private constructor(connection: EtcdConnection, client: EtcdClient, pass: EtcdPass) {
    this.#connection = connection
    this.#client = client
    this.#pass = pass
  }

  /** Creates a reader. @param pass receives the token of each login. Clients that share this object send the same token */
  static async to(connection: EtcdConnection, host: string, pass: EtcdPass): Promise<EtcdReader> {
    return new EtcdReader(connection, await EtcdClient.to(connection, host, pass), pass)
  }

  /**
   * Logs in to etcd, if there is a user. etcd3's own login is not used, because each of its logins opens a new connection and
   * never closes it.
   *
   * @param deadline time by which the login must be done, in milliseconds since 1970
   */
  async logIn(deadline: number = Date.now() + READ_MS): Promise<void> {
    const { auth } = this.#connection
    if (!auth) return
    delete this.#pass.token
    const user = { name: auth.username, password: auth.password }
    const { token } = await this.#client.auth.authenticate(user, { deadline })
    this.#pass.token = token
  }

  /** Reads a range of keys. The read is linearisable: it sees every write that etcd acknowledged before the read. */
  range(request: IRangeRequest): Promise<IRangeResponse> {
    return this.#ask((deadline) => this.#client.kv.range(request, { deadline }))
  }

  /** Reads several ranges of keys in one linearisable transaction. @throws Error if the answer has another number of ranges */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    const success = requests.map((request_range) => ({ request_range }))
    const { header, responses } = await this.#ask((deadline) =>
      this.#client.kv.txn({ success }, { deadline }),
    )
    const answers = responses.flatMap(({ response_range }) => (response_range as IRangeResponse | null) ?? [])
    if (answers.length !== requests.length)
      throw new Error(`asked for ${requests.length} ranges, but the answer has ${answers.length}`)
    // In a transaction, the answer for a single range may have no header. All ranges are read at the revision in the
    // transaction's header, so that header is used.
    return answers.map((answer) => ({ ...answer, header }))
  }

  /** Sends a request. If etcd refuses the token, it logs in again and repeats the request once. */
  async #ask<T>(question: (deadline: number) => Promise<T>): Promise<T> {
    const deadline = Date.now() + READ_MS
    const ask = () => question(deadline)
    try {
      return await ask()
    } catch (thrown) {
      if (!this.#connection.auth || !isTokenRefused(asError(thrown))) throw thrown
      // Log in again, because tokens expire regularly. The request is repeated only once: a faulty etcd might refuse every new
      // token.
      await this.logIn(deadline)
      return await ask()
    }
  }

  /** Closes the connection. All reads in progress then fail. */
  close(): void {
    this.#client.close()
  }
}
