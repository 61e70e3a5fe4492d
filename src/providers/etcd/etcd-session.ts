import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { asError, ProxyError } from '../../model/errors.js'
import type { AliasReading } from '../../model/provider.js'
import { EtcdClient, type EtcdPass } from './etcd-client.js'
import type { EtcdConnection } from './etcd-connection.js'
import { describeFault, isCompacted, isDenied, isTooLarge } from './etcd-faults.js'
import { EtcdKeyWatch } from './etcd-key-watch.js'
import { type EtcdRange, watchRanges } from './etcd-range-watch.js'
import { EtcdReader } from './etcd-reader.js'

/** The result of reading the watched key. */
export interface SessionReading extends AliasReading {
  /** The revision of the whole etcd store at the time of this read. */
  readonly storeRevision: bigint
}

/** The callbacks of an `EtcdSession`. */
export interface SessionListener {
  /** Called when the watch reports a change of the key. The caller must then read the new value. */
  changed(): void
  /** Called once when the session has closed itself because of a fault. It is never called after `close`. */
  ended(cause: ProxyError): void
}

/**
 * A session with one etcd host. It watches one key and further key ranges, and reads keys. After the first fault, the whole
 * session ends, and the caller opens a new one. A session never resumes a watch, because etcd3's watcher can lose a change each
 * time it resumes.
 *
 * The key is read only after etcd has acknowledged the watch of it. So the read sees all earlier writes, and the watch reports
 * all later writes. The value comes from a linearisable read, never from an event.
 */
export class EtcdSession {
  readonly #connection: EtcdConnection
  readonly #host: string
  readonly #key: Buffer
  readonly #listener: SessionListener
  /**
   * The client for watches. Watches and reads use separate connections, so that a broken connection of the watches does not break
   * the reads.
   */
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
   * @param cancel aborts the attempt to open the session
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` with the error message of etcd or of the network. All connections are closed
   *   then
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
   * Watches a range of keys over its own gRPC stream. It replaces the watch of an earlier call.
   *
   * @param range the range. If it is undefined, the earlier watch is only ended
   * @param after etcd revision of the last read. The watch reports all writes after it
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
   * Watches further ranges of keys over their own gRPC stream. They replace the ranges of an earlier call. If the user has no
   * right to read a range, the watch skips it. The other watches go on, and the next read reports the missing right.
   *
   * @param after etcd revision of the last read. The watch reports all writes after it
   * @param changed called when a key was written or deleted, or when etcd has compacted these writes
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
   * Reads the watched key. The read is linearisable: it sees all writes that etcd acknowledged before.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` if the read fails. The session has then ended
   */
  async read(): Promise<SessionReading> {
    try {
      return this.#readingOf(await this.#asking.range({ key: this.#key }))
    } catch (thrown) {
      throw this.fail(asError(thrown))
    }
  }

  /**
   * Reads a range of keys. The read is linearisable: it sees all writes that etcd acknowledged before.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` if the read fails. The session has then ended
   * @throws the error of etcd3 if the answer is too large or the revision is compacted. The session stays open
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
   * Reads several ranges of keys in one linearisable transaction.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` if the read fails. The session has then ended
   * @throws the error of etcd3 if the revision is compacted, or if the user has no right to read a range. The session stays open
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

  /** Checks etcd's answer and returns the value and the revisions in it. */
  #readingOf({ header, kvs }: IRangeResponse): SessionReading {
    if (!header) throw new Error('the answer has no header')
    const storeRevision = BigInt(header.revision)
    const [found] = kvs
    if (found === undefined) return { revision: 'absent', storeRevision }
    if (!this.#key.equals(found.key))
      throw new Error(`asked for ${this.#key}, but the answer is for ${found.key}`)
    return { value: found.value.toString('utf8'), revision: found.mod_revision, storeRevision }
  }

  /**
   * Ends the session because of a fault that the caller has found.
   *
   * @returns the error with which the callback `ended` was called
   */
  fail(cause: Error): ProxyError {
    this.#end(cause)
    return this.#failure(cause)
  }

  /** Whether the session has ended, because of a fault or by a call of `close`. */
  get closed(): boolean {
    return this.#closed
  }

  /** Closes the session: ends all its watches, reads and connections. It may be called in any state. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#keyWatch.close()
    this.#unfollow?.()
    this.#unfollowBeside?.()
    this.#watching.close()
    this.#asking.close()
  }

  /** Ends the session because of a fault, and calls the callback `ended`. */
  #end(cause: Error): void {
    if (this.#closed) return
    this.close()
    this.#listener.ended(this.#failure(cause))
  }

  /** Returns the error that describes a fault, with an explanation if the fault is a known one. */
  #failure(thrown: unknown): ProxyError {
    const site = { connection: this.#connection, host: this.#host, key: this.#key.toString() }
    const fault = describeFault(asError(thrown).message, site)
    return new ProxyError('PROXY_ALIAS_UNREACHABLE', `etcd ${this.#host}: ${fault}`, { cause: thrown })
  }
}
