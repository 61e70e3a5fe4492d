import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { asError } from '../../model/errors.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { isTokenRefused } from './etcd-faults.js'

/** For one read, with a login where there is one. */
const READ_MS = 3_000

/** Reads of one etcd, as its user where there is one. It throws what etcd3 throws. */
export class EtcdReader {
  readonly #connection: EtcdConnection
  readonly #client: EtcdClient
  readonly #pass: EtcdPass

  private constructor(connection: EtcdConnection, client: EtcdClient, pass: EtcdPass) {
    this.#connection = connection
    this.#client = client
    this.#pass = pass
  }

  /** @param pass is filled in by a login */
  static async to(connection: EtcdConnection, host: string, pass: EtcdPass): Promise<EtcdReader> {
    return new EtcdReader(connection, await EtcdClient.to(connection, host, pass), pass)
  }

  /** etcd3 would log in by itself, on a connection for each time that it never closes. */
  async logIn(deadline: number = Date.now() + READ_MS): Promise<void> {
    const { auth } = this.#connection
    if (!auth) return
    delete this.#pass.token
    const user = { name: auth.username, password: auth.password }
    const { token } = await this.#client.auth.authenticate(user, { deadline })
    this.#pass.token = token
  }

  /** Reads a range, linearisably. */
  range(request: IRangeRequest): Promise<IRangeResponse> {
    return this.#ask((deadline) => this.#client.kv.range(request, { deadline }))
  }

  /** Reads several ranges at once, linearisably. @throws Error for an answer that has another number of them */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    const success = requests.map((request_range) => ({ request_range }))
    const { header, responses } = await this.#ask((deadline) =>
      this.#client.kv.txn({ success }, { deadline }),
    )
    const answers = responses.flatMap(({ response_range }) => (response_range as IRangeResponse | null) ?? [])
    if (answers.length !== requests.length)
      throw new Error(`asked for ${requests.length} ranges, the answer has ${answers.length}`)
    // Theirs may be missing, for all are of one revision.
    return answers.map((answer) => ({ ...answer, header }))
  }

  async #ask<T>(question: (deadline: number) => Promise<T>): Promise<T> {
    const deadline = Date.now() + READ_MS
    const ask = () => question(deadline)
    try {
      return await ask()
    } catch (thrown) {
      if (!this.#connection.auth || !isTokenRefused(asError(thrown))) throw thrown
      // Tokens expire, and that is no trouble. Once only: an etcd may refuse each.
      await this.logIn(deadline)
      return await ask()
    }
  }

  close(): void {
    this.#client.close()
  }
}
