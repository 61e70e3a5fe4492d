import { setTimeout as delay } from 'node:timers/promises'
import { asError, ProxyError } from '../../model/errors.js'
import type { AliasWatcher } from '../../model/provider.js'
import { Backoff } from '../backoff.js'
import { ownKeys } from '../kv/kv-beside.js'
import type { KvPrefix } from '../kv/kv-prefix.js'
import type { FollowedBeside, KvReading, KvStore, KvTree } from '../kv/kv-store.js'
import { ConsulBeside } from './consul-beside.js'
import type { ConsulKv, ConsulReading } from './consul-kv.js'

/** So often an alias may be written while its tree is read, before that is an outage. */
const MOST_TRIES = 10

/** A query is not asked again sooner than so: a busy store would have us ask thousands of times a second. */
const PACE_MS = 100

/** What is asked about again and again, and who is told. */
interface Loop {
  readonly what: { readonly key: string } | { readonly below: string }
  readonly signal: AbortSignal
  /** What is known already; 0 and nothing: the first answer rings. */
  readonly index: number
  readonly mark: string | undefined
  rang(): void
  /** @returns whether to go on */
  failed(error: Error): boolean
}

/** Keys in Consul, which is asked by queries that wait for a change. */
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
      rang: () => watcher.changed(),
      failed: (error) => {
        watcher.unavailable(error)
        return true
      },
    })
  }

  async readAlias({ signal }: { readonly signal: AbortSignal }): Promise<KvReading> {
    return this.#readingOf(await this.#kv.read({ key: this.#aliasKey }, { signal }))
  }

  /** Consul reads one or the other at a time: an alias that is the same before and after named this tree meanwhile. */
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
    throw new ProxyError('PROXY_CONFIG_UNREACHABLE', `${this.place}: it is written all the time`)
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

  #follow(below: string, { index, ...reading }: ConsulReading, changed: () => void): void {
    this.unfollow()
    this.#following = this.#untilStopped()
    void this.#loop({
      what: { below },
      signal: this.#following.signal,
      index,
      mark: this.#markOf(reading),
      rang: changed,
      // Whoever reads the tree next is told why it cannot be read, and follows it from there.
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

  /** Of one reading: `stop` ends it too, also where it came before. */
  #untilStopped(): AbortController {
    const following = new AbortController()
    if (this.#stopped.signal.aborted) following.abort()
    return following
  }

  /** Never rejects. */
  async #loop({ what, signal, rang, failed, ...known }: Loop): Promise<void> {
    const backoff = new Backoff(100, 2_000)
    let { index, mark } = known
    while (!signal.aborted) {
      const asked = performance.now()
      try {
        const answer = await this.#kv.read(what, { signal, after: index })
        if (signal.aborted) return
        // One that goes back is that of another store, or of an older one.
        const wentBack = answer.index < index
        const found = this.#markOf(answer)
        const isNews = found !== mark || wentBack
        index = wentBack ? 0 : answer.index
        mark = found
        if (isNews) rang()
        backoff.reset()
        await pause(PACE_MS - (performance.now() - asked), signal)
      } catch (thrown) {
        if (signal.aborted || !failed(asError(thrown))) return
        // Whatever happened meanwhile is rung for.
        index = 0
        mark = undefined
        await pause(backoff.next(), signal)
      }
    }
  }

  /** The same as long as no key is written or deleted; an index may change for other keys too, and the alias rings by itself. */
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

/** Waits; an abort ends the wait, and is for the caller to see. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal, ref: false }).catch(() => {})
}
