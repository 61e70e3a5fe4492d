import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { jittered, pause } from '../../base/timing.js'
import { ProxyError } from '../../model/errors.js'
import type { AliasWatcher } from '../../model/provider.js'
import { Backoff } from '../backoff.js'
import { checkConnection, type EtcdConnection } from './etcd-connection.js'
import type { EtcdRange } from './etcd-range-watch.js'
import { EtcdSession, type SessionReading } from './etcd-session.js'

/** A ring that was lost is made good by one of our own, this often. */
const REREAD_MS = 30_000

/** A session that lasted so long was a good one: what follows its end begins with the shortest delay. */
const HEALTHY_MS = 10_000

/** Session after session, each on the next host: as long as it is watched, some session stands or is being opened. */
export class EtcdSessions {
  readonly #connection: EtcdConnection
  readonly #hosts: readonly string[]
  readonly #key: string
  readonly #stopped = new AbortController()
  #watcher: AliasWatcher | undefined
  #session: EtcdSession | undefined
  #attempts = 0
  /** How far the store was at the last read. */
  #storeRevision = 0n
  #reread: NodeJS.Timeout | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` for a host, a user or a certificate that can never work, or without a key */
  constructor(connection: EtcdConnection, key: string) {
    checkConnection(connection)
    this.#connection = connection
    this.#hosts = [connection.hosts].flat()
    this.#key = key
    if (!isText(key)) {
      const message = 'etcd: expected the name of the alias key, like /traefik/dev/alias'
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
  }

  /** The key and where it is, for messages. */
  get place(): string {
    return `${this.#key} in etcd ${this.#hosts.join(', ')}`
  }

  /** Begins; rings when the key was written, when a session begins, and every half a minute. */
  watch(watcher: AliasWatcher): void {
    if (this.#stopped.signal.aborted) return
    this.#watcher = watcher
    void this.#keepSessions(watcher)
  }

  /** Reads the key. @throws ProxyError `PROXY_ALIAS_UNREACHABLE` */
  async read(): Promise<SessionReading> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const reading = await session.read()
    this.#answered(session, reading.storeRevision, known)
    return reading
  }

  /** Reads a range. @throws as a session's `range` */
  async range(request: IRangeRequest): Promise<IRangeResponse> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const answer = await session.range(request)
    if (!(answer.header as unknown)) throw session.fail(new Error('an answer without a header'))
    this.#answered(session, BigInt(answer.header.revision), known)
    return answer
  }

  /** Reads several ranges at once. @throws as a session's `ranges` */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const answers = await session.ranges(requests)
    const [first] = answers
    if (first && !(first.header as unknown)) throw session.fail(new Error('an answer without a header'))
    if (first) this.#answered(session, BigInt(first.header.revision), known)
    return answers
  }

  /** As a session's `followBeside`; it ends with that session. */
  followBeside(ranges: readonly EtcdRange[], after: bigint, changed: () => void): void {
    this.#session?.followBeside(ranges, after, changed)
  }

  /** As a session's `follow`; it ends with that session. */
  follow(range: EtcdRange | undefined, after: bigint, changed?: (keys: readonly Buffer[]) => void): void {
    this.#session?.follow(range, after, changed)
  }

  stop(): void {
    this.#stopped.abort()
    clearInterval(this.#reread)
    this.#session?.close()
    this.#session = undefined
  }

  #current(): EtcdSession {
    if (this.#session) return this.#session
    throw new ProxyError('PROXY_ALIAS_UNREACHABLE', 'etcd: there is no connection')
  }

  /** @param known how far the store was when it was asked: a large answer may be overtaken by one that was asked for later */
  #answered(session: EtcdSession, storeRevision: bigint, known: bigint): void {
    if (storeRevision < known && storeRevision < this.#storeRevision) this.#wentBack(session, storeRevision)
    if (storeRevision > this.#storeRevision) this.#storeRevision = storeRevision
    // Not when a session opens: a member in the minority acknowledges every watch and answers no read.
    this.#watcher?.recovered()
  }

  /**
   * A store that goes back in time was restored from a backup, or this member's answer was stale: the next session's
   * read, from another host where there is one, tells. What that one says is taken, for newest is what a read says,
   * not the highest revision ever seen.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`
   */
  #wentBack(session: EtcdSession, storeRevision: bigint): never {
    const seen = this.#storeRevision
    this.#storeRevision = 0n
    const cause = `its revision went back from ${seen} to ${storeRevision}; it is read once more`
    throw session.fail(new Error(cause))
  }

  async #keepSessions(watcher: AliasWatcher): Promise<void> {
    const { signal } = this.#stopped
    const backoff = new Backoff(100, 2_000)
    // Every proxy asks at a moment of its own.
    this.#reread = setInterval(() => this.#session && watcher.changed(), jittered(REREAD_MS, 0.2)).unref()
    while (!signal.aborted) {
      const start = performance.now()
      const cause = await this.#runSession(watcher)
      if (signal.aborted) break
      // Not at the acknowledgement: a member without a leader acknowledges, and ends the session at once.
      if (performance.now() - start > HEALTHY_MS) backoff.reset()
      watcher.unavailable(cause)
      await pause(backoff.next(), signal)
    }
  }

  /** One session on the next host, from its opening to its end. Resolves to why it ended, or never began. */
  #runSession(watcher: AliasWatcher): Promise<Error> {
    const host = this.#hosts[this.#attempts++ % this.#hosts.length] as string
    return new Promise((ended) => {
      const listener = {
        // Before the session is ours to read with, a ring would find no door; we ring ourselves once it is.
        ring: () => this.#session && watcher.changed(),
        ended: (cause: Error) => {
          this.#session = undefined
          ended(cause)
        },
      }
      const { signal } = this.#stopped
      EtcdSession.open(this.#connection, host, this.#key, listener, signal).then((session) => {
        if (signal.aborted) session.close()
        if (session.closed) return
        this.#session = session
        watcher.changed()
      }, ended)
    })
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
