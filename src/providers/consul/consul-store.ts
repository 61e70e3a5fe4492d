import { pause } from '../../base/timing.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { AliasWatcher } from '../../model/provider.js'
import { Backoff } from '../backoff.js'
import { ownKeys } from '../kv/kv-beside.js'
import type { KvPrefix } from '../kv/kv-prefix.js'
import type { FollowedBeside, KvReading, KvStore, KvTree } from '../kv/kv-store.js'
import { ConsulBeside } from './consul-beside.js'
import type { ConsulKv, ConsulReading } from './consul-kv.js'

/** Maximum tries of one read. A try fails if the alias key is written while the keys are being read. */
const MOST_TRIES = 10

/**
 * Minimum milliseconds between two consecutive queries. If keys change all the time, Consul would otherwise receive thousands of
 * queries a second.
 */
const PACE_MS = 100

/** A blocking query that is repeated, and the callbacks for its results. */
interface Loop {
  /** The keys to query: one key, or all keys that begin with a text. */
  readonly what: { readonly key: string } | { readonly below: string }
  readonly signal: AbortSignal
  /**
   * The index of the last answer (`X-Consul-Index`). The first query waits until Consul's index differs from it. If it is 0, the
   * first query does not wait.
   */
  readonly index: number
  /** The fingerprint of the keys in the last answer. If it is undefined, `changed` is called for the first answer. */
  readonly mark: string | undefined
  /** Called when one of the keys has changed. */
  changed(): void
  /** Called after a query has failed. @returns whether to repeat the query */
  failed(error: Error): boolean
}

/**
 * Implements `KvStore` for Consul: reads keys and follows their changes. Instead of watches, it uses blocking queries, which
 * Consul answers when a key changes.
 */
export class ConsulStore implements KvStore {
  readonly place: string
  readonly #kv: ConsulKv
  readonly #aliasKey: string
  readonly #prefix: KvPrefix
  readonly #stopped = new AbortController()
  readonly #beside: ConsulBeside
  #following = new AbortController()
  #followingBeside = new AbortController()

  constructor(kv: ConsulKv, keys: { readonly aliasKey: string; readonly prefix: KvPrefix }) {
    this.#kv = kv
    this.#aliasKey = keys.aliasKey
    this.#prefix = keys.prefix
    this.#beside = new ConsulBeside(kv, keys.prefix.keyOf(keys.prefix.path))
    this.place = `${keys.aliasKey} in Consul ${kv.url}`
  }

  watch(watcher: AliasWatcher): void {
    void this.#loop({
      what: { key: this.#aliasKey },
      signal: this.#stopped.signal,
      index: 0,
      mark: undefined,
      changed: () => watcher.changed(),
      failed: (error) => {
        watcher.unavailable(error)
        return true
      },
    })
  }

  async readAlias({ signal }: { readonly signal: AbortSignal }): Promise<KvReading> {
    return this.#readingOf(await this.#kv.read({ key: this.#aliasKey }, { signal }))
  }

  /**
   * Reads the alias key, the keys below the prefix that it names, and the alias key again. Consul cannot read all of them at one
   * moment. If the alias key has not changed, it named this prefix during the whole read.
   */
  async readBoth(
    prefixOf: (alias: KvReading) => string | undefined,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<KvTree | undefined> {
    let alias = await this.readAlias({ signal })
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const path = prefixOf(alias)
      if (path === undefined) return undefined
      const below = `${this.#prefix.keyOf(path)}/`
      const isOwn = path === this.#prefix.path
      const [reading, beside] = await Promise.all([
        this.#kv.read({ below }, { signal }),
        isOwn ? undefined : this.readBeside(path, { signal }),
      ])
      const { entries, newest } = reading
      const after = await this.readAlias({ signal })
      if (after.revision === alias.revision) {
        return {
          entries: entries.map(({ key, value }) => ({ key: key.slice(below.length), value })),
          revision: newest,
          ...(beside && { beside }),
          follow: (changed) => this.#follow(below, reading, changed),
        }
      }
      alias = after
    }
    throw new ProxyError(
      'PROXY_CONFIG_UNREACHABLE',
      `${this.place}: the alias was written during each of ${MOST_TRIES} reads`,
    )
  }

  async readBeside(target: string, { signal }: { readonly signal: AbortSignal }): Promise<FollowedBeside> {
    const prefix = this.#prefix.keyOf(this.#prefix.path)
    const own = ownKeys(prefix, this.#prefix.keyOf(target), this.#aliasKey)
    const beside = await this.#beside.read(own, signal)
    return {
      ...beside,
      follow: (changed) => {
        this.unfollowBeside()
        this.#followingBeside = this.#untilStopped()
        void this.#beside.follow(own, beside.mark, changed, this.#followingBeside.signal)
      },
    }
  }

  /** Begins to follow all keys below a prefix. It replaces an earlier call. */
  #follow(below: string, { index, ...reading }: ConsulReading, changed: () => void): void {
    this.unfollow()
    this.#following = this.#untilStopped()
    void this.#loop({
      what: { below },
      signal: this.#following.signal,
      index,
      mark: this.#markOf(reading),
      changed,
      // If the query fails, report a change and end the loop. The change causes a read of all keys, which reports the error or
      // follows the keys again.
      failed: () => {
        changed()
        return false
      },
    })
  }

  unfollow(): void {
    this.#following.abort()
  }

  unfollowBeside(): void {
    this.#followingBeside.abort()
  }

  stop(): void {
    this.#stopped.abort()
    this.unfollow()
    this.unfollowBeside()
  }

  /**
   * Returns the controller that ends one loop. After `stop`, the controller is already aborted, because `stop` could not end a
   * loop that begins later.
   */
  #untilStopped(): AbortController {
    const following = new AbortController()
    if (this.#stopped.signal.aborted) following.abort()
    return following
  }

  /** Repeats a query and reports each change, until the signal is aborted. It never rejects. */
  async #loop({ what, signal, changed, failed, ...known }: Loop): Promise<void> {
    const backoff = new Backoff(100, 2_000)
    let { index, mark } = known
    while (!signal.aborted) {
      const asked = performance.now()
      try {
        const answer = await this.#kv.read(what, { signal, after: index })
        if (signal.aborted) return
        // If the index has decreased, another store answered, or the store was restored from a backup.
        const wentBack = answer.index < index
        const found = this.#markOf(answer)
        const isNews = found !== mark || wentBack
        index = wentBack ? 0 : answer.index
        mark = found
        if (isNews) changed()
        backoff.reset()
        await pause(PACE_MS - (performance.now() - asked), signal)
      } catch (thrown) {
        if (signal.aborted || !failed(asError(thrown))) return
        // Forget the last index and fingerprint, because changes during the outage are unknown. So the next answer counts as a
        // change.
        index = 0
        mark = undefined
        await pause(backoff.next(), signal)
      }
    }
  }

  /**
   * Returns a fingerprint of the keys in an answer. It stays the same as long as no key is written or deleted. Consul's index is
   * not used, because it may also change for other keys. If there are several keys, the alias key is left out, because its own
   * loop reports it.
   */
  #markOf({ entries }: Pick<ConsulReading, 'entries'>): string {
    let [count, newest] = [0, 0]
    for (const { key, revision } of entries) {
      if (key === this.#aliasKey && entries.length > 1) continue
      count += 1
      newest = Math.max(newest, Number(revision))
    }
    return `${count} ${newest}`
  }

  #readingOf({ entries: [found] }: ConsulReading): KvReading {
    if (!found) return { revision: 'absent' }
    const value = this.#prefix.pathOf(Buffer.from(found.value).toString('utf8')) as string
    return { value, revision: found.revision }
  }
}
