import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { jittered, pause } from '../../base/timing.js'
import { ProxyError } from '../../model/errors.js'
import type { AliasWatcher } from '../../model/provider.js'
import { Backoff } from '../backoff.js'
import { checkConnection, type EtcdConnection } from './etcd-connection.js'
import type { EtcdRange } from './etcd-range-watch.js'
import { EtcdSession, type SessionReading } from './etcd-session.js'

/** Milliseconds between two reads without a change. They make up for a notification that was lost. */
const REREAD_MS = 30_000

/** Milliseconds after which a session counts as healthy. The delays after its end begin with the shortest one again. */
const HEALTHY_MS = 10_000

/** Keeps one session open at a time. When a session ends, the next one is opened on the next host. */
export class EtcdSessions {
  readonly #connection: EtcdConnection
  readonly #hosts: readonly string[]
  readonly #key: string
  readonly #stopped = new AbortController()
  #watcher: AliasWatcher | undefined
  #session: EtcdSession | undefined
  #attempts = 0
  /** The highest revision of the whole store that a read has seen. It is 0 again after the store went back. */
  #storeRevision = 0n
  #reread: NodeJS.Timeout | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` without a key, and for a host, user or certificate that can never work */
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

  /** The key and the hosts, for messages. */
  get place(): string {
    return `${this.#key} in etcd ${this.#hosts.join(', ')}`
  }

  /** Begins to open sessions. It calls `changed` when the key was written, when a session begins, and every half a minute. */
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

  /** Reads a range over the current session. @throws the errors of `EtcdSession.range` */
  async range(request: IRangeRequest): Promise<IRangeResponse> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const answer = await session.range(request)
    if (!(answer.header as unknown)) throw session.fail(new Error('the answer has no header'))
    this.#answered(session, BigInt(answer.header.revision), known)
    return answer
  }

  /** Reads several ranges at once over the current session. @throws the errors of `EtcdSession.ranges` */
  async ranges(requests: readonly IRangeRequest[]): Promise<readonly IRangeResponse[]> {
    const [session, known] = [this.#current(), this.#storeRevision]
    const answers = await session.ranges(requests)
    const [first] = answers
    if (first && !(first.header as unknown)) throw session.fail(new Error('the answer has no header'))
    if (first) this.#answered(session, BigInt(first.header.revision), known)
    return answers
  }

  /** Calls `followBeside` of the current session. The watch ends with that session. */
  followBeside(ranges: readonly EtcdRange[], after: bigint, changed: () => void): void {
    this.#session?.followBeside(ranges, after, changed)
  }

  /** Calls `follow` of the current session. The watch ends with that session. */
  follow(range: EtcdRange | undefined, after: bigint, changed?: (keys: readonly Buffer[]) => void): void {
    this.#session?.follow(range, after, changed)
  }

  /** Closes the current session and opens no further one. */
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
   * Takes the revision of an answer, and reports that the store is available.
   *
   * @param known the highest revision seen when the question was sent. A large answer may come after the answer to a later
   *   question, so only an answer below this revision shows that the store went back
   */
  #answered(session: EtcdSession, storeRevision: bigint, known: bigint): void {
    if (storeRevision < known && storeRevision < this.#storeRevision) this.#wentBack(session, storeRevision)
    if (storeRevision > this.#storeRevision) this.#storeRevision = storeRevision
    // Reported after an answer, not when a session opens: a member in the minority acknowledges watches but answers no reads.
    this.#watcher?.recovered()
  }

  /**
   * Ends the session, because the store's revision went back. The store was restored from a backup, or this member's answer was
   * stale. The next session asks another host, if there is one, and its answer counts: the highest revision seen is forgotten.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`
   */
  #wentBack(session: EtcdSession, storeRevision: bigint): never {
    const seen = this.#storeRevision
    this.#storeRevision = 0n
    const cause = `its revision went back from ${seen} to ${storeRevision}; the key is read again`
    throw session.fail(new Error(cause))
  }

  /** Opens one session after another until `stop`. */
  async #keepSessions(watcher: AliasWatcher): Promise<void> {
    const { signal } = this.#stopped
    const backoff = new Backoff(100, 2_000)
    // Every proxy asks at a moment of its own.
    this.#reread = setInterval(() => this.#session && watcher.changed(), jittered(REREAD_MS, 0.2)).unref()
    while (!signal.aborted) {
      const start = performance.now()
      const cause = await this.#runSession(watcher)
      if (signal.aborted) break
      // An acknowledged watch does not reset the delays: a member without a leader acknowledges and then ends the session.
      if (performance.now() - start > HEALTHY_MS) backoff.reset()
      watcher.unavailable(cause)
      await pause(backoff.next(), signal)
    }
  }

  /** Runs one session on the next host from its opening to its end. Resolves to the cause of the end. */
  #runSession(watcher: AliasWatcher): Promise<Error> {
    const host = this.#hosts[this.#attempts++ % this.#hosts.length] as string
    return new Promise((ended) => {
      const listener = {
        // Before `#session` is set, a read would fail. The change is not lost, because `changed` is called once it is set.
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
