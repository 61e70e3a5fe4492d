import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { asError, ProxyError } from '../../model/errors.js'
import type { AliasReading } from '../../model/provider.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { describeFault, isCompacted, isDenied, isTooLarge } from './etcd-faults.js'
import { EtcdKeyWatch } from './etcd-key-watch.js'
import { type EtcdRange, watchRanges } from './etcd-range-watch.js'
import { EtcdReader } from './etcd-reader.js'

/** What a read of the key found. */
export interface SessionReading extends AliasReading {
  /** The revision of the whole store at this read. */
  readonly storeRevision: bigint
}

/** The callbacks of a session. */
export interface SessionListener {
  /** Called when the watch saw a change of the key. The value must be read. */
  changed(): void
  /** Called once when the session has failed and closed itself. Never called after `close`. */
  ended(cause: ProxyError): void
}

/**
 * A session with one etcd host: a watch of one key, watches of further ranges, and reads. After the first fault the session ends
 * as a whole and is replaced by a new one. It never resumes, because every way in which etcd3's own watcher resumes can lose a
 * change.
 *
 * The key is read only after etcd has acknowledged the watch. So the read sees all earlier writes, and the watch reports all
 * later ones. The value comes from a linearisable read, never from an event.
 */
export class EtcdSession {
  readonly #connection: EtcdConnection
  readonly #host: string
  readonly #key: Buffer
  readonly #listener: SessionListener
  /** Watches and reads have connections of their own, so that a broken connection of one does not break the other. */
  readonly #watching: EtcdClient
  readonly #asking: EtcdReader
  readonly #keyWatch: EtcdKeyWatch
  #unfollow: (() => void) | undefined
  #unfollowBeside: (() => void) | undefined
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
    this.#keyWatch = new EtcdKeyWatch(clients.watching, this.#key, {
      changed: () => listener.changed(),
      failed: (cause) => this.#end(cause),
    })
  }

  /**
   * Opens a session. Resolves when etcd has acknowledged the watch.
   *
   * @param cancel its abort ends the attempt
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` with the message of etcd or of the network. No connection stays open then
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
      await session.#keyWatch.open((deadline) => asking.logIn(deadline))
      return session
    } catch (thrown) {
      session.close()
      throw session.#failure(thrown)
    } finally {
      cancel?.removeEventListener('abort', close)
    }
  }

  /**
   * Watches a range, over a stream of its own. It replaces the range of an earlier call.
   *
   * @param range the range; without it, only the earlier watch ends
   * @param after the revision of the last read. All writes after it are reported
   * @param changed called with the keys that were written or deleted. If etcd has compacted these writes, the list is empty
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
   * Watches further ranges, over a stream of their own. They replace the ranges of an earlier call. A range that the user may not
   * read is skipped: the next read reports it, and the other watches go on.
   *
   * @param after the revision of the last read. All writes after it are reported
   * @param changed called when a key was written or deleted, or if etcd has compacted these writes
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
   * Reads the key. The read is linearisable.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`. The session has ended then
   */
  async read(): Promise<SessionReading> {
    try {
      return this.#readingOf(await this.#asking.range({ key: this.#key }))
    } catch (thrown) {
      throw this.fail(asError(thrown))
    }
  }

  /**
   * Reads a range. The read is linearisable.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`. The session has ended then
   * @throws the error of etcd3 for an answer that is too large, and for a compacted revision. The session goes on then
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
   * Reads several ranges in one linearisable transaction.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`. The session has ended then
   * @throws the error of etcd3 for a compacted revision, and for a range that the user may not read. The session goes on then
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

  /** Checks an answer and returns what it says of the key. */
  #readingOf({ header, kvs }: IRangeResponse): SessionReading {
    if (!header) throw new Error('the answer has no header')
    const storeRevision = BigInt(header.revision)
    const [found] = kvs
    if (found === undefined) return { revision: 'absent', storeRevision }
    if (!this.#key.equals(found.key))
      throw new Error(`asked for ${this.#key}, but the answer is for ${found.key}`)
    return { value: found.value.toString('utf8'), revision: found.mod_revision, storeRevision }
  }

  /** Ends the session because of a fault that the caller found. @returns the error that `ended` was called with */
  fail(cause: Error): ProxyError {
    this.#end(cause)
    return this.#failure(cause)
  }

  /** Whether the session has ended, by a fault or by `close`. */
  get closed(): boolean {
    return this.#closed
  }

  /** Ends the session in any state: all watches, reads and connections. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#keyWatch.close()
    this.#unfollow?.()
    this.#unfollowBeside?.()
    this.#watching.close()
    this.#asking.close()
  }

  /** Ends the session because of a fault, and reports it. */
  #end(cause: Error): void {
    if (this.#closed) return
    this.close()
    this.#listener.ended(this.#failure(cause))
  }

  /** Returns the error for a fault, with its meaning at this host. */
  #failure(thrown: unknown): ProxyError {
    const site = { connection: this.#connection, host: this.#host, key: this.#key.toString() }
    const fault = describeFault(asError(thrown).message, site)
    return new ProxyError('PROXY_ALIAS_UNREACHABLE', `etcd ${this.#host}: ${fault}`, { cause: thrown })
  }
}
