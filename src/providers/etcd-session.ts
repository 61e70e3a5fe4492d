import type { IRangeResponse, IWatchResponse } from 'etcd3'
import { asError, ProxyError } from '../model/errors.js'
import type { AliasReading } from '../model/provider.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { describeFault, isTokenRefused } from './etcd-faults.js'
import { EtcdHeartbeat } from './etcd-heartbeat.js'

export type { EtcdConnection } from './etcd-connection.js'

/** From nothing to an acknowledged watch; and for one read. Both with a login, where there is one. */
const ACKNOWLEDGE_MS = 2_000
const READ_MS = 3_000

/** What a read found, and how far the whole store was. */
export interface SessionReading extends AliasReading {
  readonly storeRevision: bigint
}

/** What a session tells its owner. */
export interface SessionListener {
  /** The watch saw something: read. */
  ring(): void
  /** The session is of no use any more, and closed. Called once, never after `close`. */
  ended(cause: ProxyError): void
}

/**
 * One watch of one key on one host, and reads of it: used until the first fault, then thrown away whole. Nothing is
 * resumed and nothing is repaired, because every way in which etcd3's own watcher resumes can lose a change.
 *
 * The watch is acknowledged first, the key is read after: what was written before is in the read, what is written
 * later rings. The value comes from a linearisable read, never from an event.
 */
export class EtcdSession {
  readonly #connection: EtcdConnection
  readonly #host: string
  readonly #key: Buffer
  readonly #listener: SessionListener
  readonly #pass: EtcdPass
  /** Apart, with connections of their own: one that failed must not take the other with it. */
  readonly #watching: EtcdClient
  readonly #asking: EtcdClient
  #cancelWatch: (() => void) | undefined
  #giveUpOpening: ((cause: Error) => void) | undefined
  #heartbeat: EtcdHeartbeat | undefined
  #closed = false

  private constructor(
    connection: EtcdConnection,
    clients: { watching: EtcdClient; asking: EtcdClient; pass: EtcdPass },
    host: string,
    key: string,
    listener: SessionListener,
  ) {
    this.#connection = connection
    this.#host = host
    this.#key = Buffer.from(key)
    this.#listener = listener
    this.#pass = clients.pass
    this.#watching = clients.watching
    this.#asking = clients.asking
  }

  /**
   * Opens a session; resolves when the watch is acknowledged.
   *
   * @param cancel gives up opening
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` with what etcd or the network said; nothing is left open then
   */
  static async open(
    connection: EtcdConnection,
    host: string,
    key: string,
    listener: SessionListener,
    cancel?: AbortSignal,
  ): Promise<EtcdSession> {
    const pass: EtcdPass = {}
    const watching = await EtcdClient.to(connection, host, pass)
    const asking = await EtcdClient.to(connection, host, pass)
    const session = new EtcdSession(connection, { watching, asking, pass }, host, key, listener)
    const close = () => session.close()
    cancel?.addEventListener('abort', close)
    try {
      cancel?.throwIfAborted()
      await session.#watch()
      return session
    } catch (thrown) {
      session.close()
      throw session.#failure(thrown)
    } finally {
      cancel?.removeEventListener('abort', close)
    }
  }

  /** etcd3 would log in by itself, on a connection for each time that it never closes. */
  async #logIn(deadline: number): Promise<void> {
    const { auth } = this.#connection
    if (!auth) return
    delete this.#pass.token
    const user = { name: auth.username, password: auth.password }
    const { token } = await this.#asking.auth.authenticate(user, { deadline })
    this.#pass.token = token
  }

  async #watch(): Promise<void> {
    const opening = this.#logIn(Date.now() + ACKNOWLEDGE_MS).then(() => this.#watching.watch.watch())
    let timer: NodeJS.Timeout | undefined
    const acknowledged = new Promise<void>((resolve, reject) => {
      this.#giveUpOpening = reject
      timer = setTimeout(() => reject(new Error(`no answer within ${ACKNOWLEDGE_MS} ms`)), ACKNOWLEDGE_MS)
      const fail = (cause: Error) => {
        reject(cause)
        this.#end(cause)
      }
      opening.then((stream) => this.#follow(stream, resolve, fail)).catch(reject)
    })
    try {
      await acknowledged
    } finally {
      clearTimeout(timer)
    }
  }

  /** Nothing that comes over the stream may throw here: nobody would catch it. */
  #follow(stream: WatchStream, acknowledged: () => void, fail: (cause: Error) => void): void {
    this.#cancelWatch = () => {
      stream.cancel()
      stream.end()
    }
    // Before anything else, for the end of a stream that was cancelled is an error too.
    stream.on('error', fail)
    stream.on('end', () => fail(new Error('the watch ended')))
    if (this.#closed) return this.#cancelWatch()
    stream.on('data', (message: IWatchResponse) => {
      this.#heartbeat?.heard()
      if (message.canceled) fail(new Error(cancelReason(message)))
      else if (message.created) acknowledged()
      // The answer to a heartbeat has no events.
      else if (message.events?.length > 0) this.#listener.ring()
    })
    this.#heartbeat = new EtcdHeartbeat(() => stream.write({ progress_request: {} }), fail)
    stream.write({ create_request: { key: this.#key } })
  }

  /**
   * Reads the key, linearisably.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`; the session has ended then
   */
  async read(): Promise<SessionReading> {
    try {
      return this.#readingOf(await this.#range(Date.now() + READ_MS))
    } catch (thrown) {
      throw this.fail(asError(thrown))
    }
  }

  async #range(deadline: number): Promise<IRangeResponse> {
    const ask = () => this.#asking.kv.range({ key: this.#key }, { deadline })
    try {
      return await ask()
    } catch (thrown) {
      if (!this.#connection.auth || !isTokenRefused(asError(thrown))) throw thrown
      // Tokens expire, and that is no trouble. Once only: an etcd may refuse each.
      await this.#logIn(deadline)
      return await ask()
    }
  }

  #readingOf({ header, kvs }: IRangeResponse): SessionReading {
    if (!header) throw new Error('an answer without a header')
    const storeRevision = BigInt(header.revision)
    const [found] = kvs
    if (found === undefined) return { revision: 'absent', storeRevision }
    if (!this.#key.equals(found.key))
      throw new Error(`asked for ${this.#key}, the answer is for ${found.key}`)
    return { value: found.value.toString('utf8'), revision: found.mod_revision, storeRevision }
  }

  /** Ends it, for what its owner found. @returns the cause, as its owner was told */
  fail(cause: Error): ProxyError {
    this.#end(cause)
    return this.#failure(cause)
  }

  /** Whether it has ended, by itself or not. */
  get closed(): boolean {
    return this.#closed
  }

  /** Ends everything, whatever state it is in. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#giveUpOpening?.(new Error('closed'))
    this.#heartbeat?.stop()
    this.#cancelWatch?.()
    this.#watching.close()
    this.#asking.close()
  }

  #end(cause: Error): void {
    if (this.#closed) return
    this.close()
    this.#listener.ended(this.#failure(cause))
  }

  #failure(thrown: unknown): ProxyError {
    const site = { connection: this.#connection, host: this.#host, key: this.#key.toString() }
    const fault = describeFault(asError(thrown).message, site)
    return new ProxyError('PROXY_ALIAS_UNREACHABLE', `etcd ${this.#host}: ${fault}`, { cause: thrown })
  }
}

type WatchStream = Awaited<ReturnType<EtcdClient['watch']['watch']>>

function cancelReason({ cancel_reason, compact_revision }: IWatchResponse): string {
  if (cancel_reason) return `the watch was cancelled: ${cancel_reason}`
  return compact_revision === '0'
    ? 'the watch was cancelled'
    : `the watch was cancelled by a compaction at ${compact_revision}`
}
