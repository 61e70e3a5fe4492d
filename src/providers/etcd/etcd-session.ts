import type { IRangeRequest, IRangeResponse, IWatchResponse } from 'etcd3'
import { asError, ProxyError } from '../../model/errors.js'
import type { AliasReading } from '../../model/provider.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { describeFault, isCompacted, isDenied, isTooLarge } from './etcd-faults.js'
import { EtcdHeartbeat } from './etcd-heartbeat.js'
import { cancelReason, type EtcdRange, endStream, type WatchStream, watchRanges } from './etcd-range-watch.js'
import { EtcdReader } from './etcd-reader.js'

export type { EtcdConnection } from './etcd-connection.js'

/** From nothing to an acknowledged watch, with a login where there is one. */
const ACKNOWLEDGE_MS = 2_000

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
 * One watch of one key on one host, of a range beside it where that is wanted, and reads: used until the first fault, then
 * thrown away whole. Nothing is resumed and nothing is repaired, because every way in which etcd3's own watcher resumes can
 * lose a change.
 *
 * The watch is acknowledged first, the key is read after: what was written before is in the read, what is written
 * later rings. The value comes from a linearisable read, never from an event.
 */
export class EtcdSession {
  readonly #connection: EtcdConnection
  readonly #host: string
  readonly #key: Buffer
  readonly #listener: SessionListener
  /** Apart, with connections of their own: one that failed must not take the other with it. */
  readonly #watching: EtcdClient
  readonly #asking: EtcdReader
  #cancelWatch: (() => void) | undefined
  #unfollow: (() => void) | undefined
  #unfollowBeside: (() => void) | undefined
  #giveUpOpening: ((cause: Error) => void) | undefined
  #heartbeat: EtcdHeartbeat | undefined
  #closed = false

  private constructor(
    connection: EtcdConnection,
    clients: { watching: EtcdClient; asking: EtcdReader },
    host: string,
    key: string,
    listener: SessionListener,
  ) {
    this.#connection = connection
    this.#host = host
    this.#key = Buffer.from(key)
    this.#listener = listener
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
    const asking = await EtcdReader.to(connection, host, pass)
    const session = new EtcdSession(connection, { watching, asking }, host, key, listener)
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

  async #watch(): Promise<void> {
    const opening = this.#asking.logIn(Date.now() + ACKNOWLEDGE_MS).then(() => this.#watching.watch.watch())
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
    this.#cancelWatch = () => endStream(stream)
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
   * Watches a range too, on a stream of its own, in place of the one that was watched before; none: nothing beside the key.
   *
   * @param after the revision that was read: whatever was written since is told
   * @param changed called with keys that were written or deleted; with none if that cannot be told, for what was written since
   *   is kept no more
   */
  follow(
    range: EtcdRange | undefined,
    after: bigint,
    changed: (keys: readonly Buffer[]) => void = () => {},
  ): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    if (!range || this.#closed) return
    const compacted = () => changed([])
    const failed = (cause: Error) => this.#end(cause)
    this.#unfollow = watchRanges(this.#watching, { ranges: [range], after, changed, compacted, failed })
  }

  /**
   * Watches further ranges, on a stream of their own, in place of those before. One that the user may not read is left out: that
   * is for reads to tell, and nothing else may end with it.
   *
   * @param changed called when a key was written or deleted, or if that cannot be told
   */
  followBeside(ranges: readonly EtcdRange[], after: bigint, changed: () => void): void {
    this.#unfollowBeside?.()
    this.#unfollowBeside = undefined
    if (ranges.length === 0 || this.#closed) return
    const failed = (cause: Error) => this.#end(cause)
    const told = { changed, compacted: changed, failed, refused: () => {} }
    this.#unfollowBeside = watchRanges(this.#watching, { ranges, after, ...told })
  }

  /**
   * Reads the key, linearisably.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`; the session has ended then
   */
  async read(): Promise<SessionReading> {
    try {
      return this.#readingOf(await this.#asking.range({ key: this.#key }))
    } catch (thrown) {
      throw this.fail(asError(thrown))
    }
  }

  /**
   * Reads a range, linearisably.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`; the session has ended then. Whatever etcd3 threw, for an answer that is too
   * large and for a revision that was compacted: the session goes on
   */
  async range(request: IRangeRequest): Promise<IRangeResponse> {
    try {
      return await this.#asking.range(request)
    } catch (thrown) {
      const error = asError(thrown)
      if (!this.#closed && (isTooLarge(error) || isCompacted(error))) throw error
      throw this.fail(error)
    }
  }

  /**
   * Reads several ranges at once, linearisably.
   *
   * @throws ProxyError as `range` does. Whatever etcd3 threw, for a revision that was compacted, and for a range that the user
   * may not read: the session goes on
   */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    try {
      return await this.#asking.ranges(requests)
    } catch (thrown) {
      const error = asError(thrown)
      if (!this.#closed && (isDenied(error) || isCompacted(error))) throw error
      throw this.fail(error)
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
    this.#unfollow?.()
    this.#unfollowBeside?.()
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
