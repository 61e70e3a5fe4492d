import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { jittered, pause } from '../../base/timing.js'
import { ProxyError } from '../../model/errors.js'
import type { AliasWatcher } from '../../model/provider.js'
import { Backoff } from '../backoff.js'
import { checkConnection, type EtcdConnection } from './etcd-connection.js'
import type { EtcdRange } from './etcd-range-watch.js'
import { EtcdSession, type SessionReading } from './etcd-session.js'

/** Milliseconds after which the key is read even though no change was reported. This makes up for a lost notification. */
const REREAD_MS = 30_000

/**
 * Milliseconds after which a session counts as healthy. If a healthy session ends, the delays between attempts start again from
 * the shortest.
 */
const HEALTHY_MS = 10_000

/** Keeps one etcd session open at a time. When the session ends, a new one is opened on the next host. */
export class EtcdSessions {
  readonly #connection: EtcdConnection
  readonly #hosts: readonly string[]
  readonly #key: string
  readonly #stopped = new AbortController()
  #watcher: AliasWatcher | undefined
  #session: EtcdSession | undefined
  #attempts = 0
  /**
   * The highest revision of the whole etcd store that a read has seen. It is set to 0 when the revision of the store has
   * decreased.
   */
  #storeRevision = 0n
  #reread: NodeJS.Timeout | undefined

  /**
   * Checks the connection options, but does not connect yet.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if the key is empty, or if a host, user or certificate is invalid
   */
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

  /** The alias key and the etcd hosts, as messages show them. */
  get place(): string {
    return `${this.#key} in etcd ${this.#hosts.join(', ')}`
  }

  /**
   * Begins to open sessions. It calls `watcher.changed` when the key was written, when a session has opened, and about every 30
   * seconds.
   */
  watch(watcher: AliasWatcher): void {
    if (this.#stopped.signal.aborted) return
    this.#watcher = watcher
    void this.#keepSessions(watcher)
  }

  /** Reads the alias key. @throws ProxyError `PROXY_ALIAS_UNREACHABLE` if there is no session, or if the read fails */
  async read(): Promise<SessionReading> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const reading = await session.read()
    this.#answered(session, reading.storeRevision, known)
    return reading
  }

  /**
   * Reads a range of keys over the current session.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` if there is no session, or if the answer shows a fault
   * @throws the errors of `EtcdSession.range`
   */
  async range(request: IRangeRequest): Promise<IRangeResponse> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const answer = await session.range(request)
    if (!(answer.header as unknown)) throw session.fail(new Error('the answer has no header'))
    this.#answered(session, BigInt(answer.header.revision), known)
    return answer
  }

  /**
   * Reads several ranges of keys in one transaction over the current session.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` if there is no session, or if the answer shows a fault
   * @throws the errors of `EtcdSession.ranges`
   */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const answers = await session.ranges(requests)
    const [first] = answers
    if (first && !(first.header as unknown)) throw session.fail(new Error('the answer has no header'))
    if (first) this.#answered(session, BigInt(first.header.revision), known)
    return answers
  }

  /**
   * Watches further key ranges, with `EtcdSession.followBeside` of the current session. The watch ends when that session ends.
   */
  followBeside(ranges: readonly EtcdRange[], after: bigint, changed: () => void): void {
    this.#session?.followBeside(ranges, after, changed)
  }

  /** Watches a key range, with `EtcdSession.follow` of the current session. The watch ends when that session ends. */
  follow(range: EtcdRange | undefined, after: bigint, changed?: (keys: readonly Buffer[]) => void): void {
    this.#session?.follow(range, after, changed)
  }

  /** Closes the current session, and opens no further session. */
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

  /**
   * Compares the revision of an answer with the highest one so far, and reports that etcd is available.
   *
   * @param known the highest revision that was known when the request was sent. A large answer may arrive after the answer to a
   *   later request. So only an answer below `known` shows that the revision of the store has decreased
   */
  #answered(session: EtcdSession, storeRevision: bigint, known: bigint): void {
    if (storeRevision < known && storeRevision < this.#storeRevision) this.#wentBack(session, storeRevision)
    if (storeRevision > this.#storeRevision) this.#storeRevision = storeRevision
    // Report the recovery only after an answer. An etcd member without a majority acknowledges watches, but does not answer
    // reads.
    this.#watcher?.recovered()
  }

  /**
   * Ends the session, because the revision of the etcd store has decreased. Either the store was restored from a backup, or this
   * etcd member sent a stale answer. The highest known revision is set to 0, so that the first answer of the next session is
   * accepted. That session uses the next host.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`
   */
  #wentBack(session: EtcdSession, storeRevision: bigint): never {
    const seen = this.#storeRevision
    this.#storeRevision = 0n
    const cause = `its revision went back from ${seen} to ${storeRevision}; the key is read again`
    throw session.fail(new Error(cause))
  }

  /** Opens one session after another, until `stop` is called. */
  async #keepSessions(watcher: AliasWatcher): Promise<void> {
    const { signal } = this.#stopped
    const backoff = new Backoff(100, 2_000)
    // The interval is random, so that the proxies of a cluster do not all read at the same moment.
    this.#reread = setInterval(() => this.#session && watcher.changed(), jittered(REREAD_MS, 0.2)).unref()
    while (!signal.aborted) {
      const start = performance.now()
      const cause = await this.#runSession(watcher)
      if (signal.aborted) break
      // Only a session that stayed open long enough resets the delays. A member without a leader acknowledges a watch and then
      // ends the session.
      if (performance.now() - start > HEALTHY_MS) backoff.reset()
      watcher.unavailable(cause)
      await pause(backoff.next(), signal)
    }
  }

  /** Opens a session on the next host and waits until it ends. Resolves to the error that ended it. */
  #runSession(watcher: AliasWatcher): Promise<Error> {
    const host = this.#hosts[this.#attempts++ % this.#hosts.length] as string
    return new Promise((ended) => {
      const listener = {
        // A change before `#session` is set is not reported, because a read would fail. It is not lost: `changed` is called
        // below, once `#session` is set.
        changed: () => this.#session && watcher.changed(),
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
