import { setTimeout as delay } from 'node:timers/promises'
import { asError, ProxyError } from '../model/errors.js'
import type { AliasBell } from '../model/provider.js'
import { Backoff } from './backoff.js'
import type { ConsulKv, ConsulReading } from './consul-kv.js'
import type { KvPrefix } from './kv-prefix.js'
import type { KvReading, KvStore, KvTree } from './kv-source.js'

/** So often an alias may be written while its tree is read, before that is an outage. */
const MOST_TRIES = 10

/** What keeps a loop going, and who is told. */
interface Loop {
  readonly signal: AbortSignal
  /** What is known already; 0 and nothing: the first answer rings. */
  readonly index: number
  readonly mark: string | undefined
  rang(): void
  failed(error: Error): void
}

/** Keys in Consul, which is asked by queries that wait for a change. */
export class ConsulStore implements KvStore {
  readonly place: string
  readonly #kv: ConsulKv
  readonly #aliasKey: string
  readonly #prefix: KvPrefix
  readonly #stopped = new AbortController()
  #following = new AbortController()
  /** Of the tree that was read last. */
  #known: Pick<Loop, 'index' | 'mark'> = { index: 0, mark: undefined }

  constructor(kv: ConsulKv, keys: { readonly aliasKey: string; readonly prefix: KvPrefix }) {
    this.#kv = kv
    this.#aliasKey = keys.aliasKey
    this.#prefix = keys.prefix
    this.place = `${keys.aliasKey} in Consul ${kv.url}`
  }

  watch(bell: AliasBell): void {
    const { signal } = this.#stopped
    const rang = () => bell.ring()
    void this.#loop(
      { key: this.#aliasKey },
      { index: 0, mark: undefined, signal, rang, failed: (error) => bell.trouble(error) },
    )
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
      const reading = await this.#kv.read({ below }, { signal })
      const { entries, newest } = reading
      const after = await this.readAlias({ signal })
      if (after.revision === alias.revision) {
        this.#known = { index: reading.index, mark: markOf(reading) }
        return {
          entries: entries.map(({ key, value }) => ({ key: key.slice(below.length), value })),
          revision: newest,
        }
      }
      alias = after
    }
    throw new ProxyError('PROXY_CONFIG_UNREACHABLE', `${this.place}: it is written all the time`)
  }

  follow(path: string | undefined, changed: () => void): void {
    this.#following.abort()
    this.#following = new AbortController()
    if (path === undefined) return
    const signal = AbortSignal.any([this.#stopped.signal, this.#following.signal])
    const below = `${this.#prefix.keyOf(path)}/`
    // Whoever watches the alias says that there is no connection.
    void this.#loop({ below }, { ...this.#known, signal, rang: changed, failed: () => {} })
  }

  stop(): void {
    this.#stopped.abort()
  }

  /** Never rejects. */
  async #loop(what: { readonly key: string } | { readonly below: string }, loop: Loop): Promise<void> {
    const { signal } = loop
    const backoff = new Backoff(100, 2_000)
    let { index, mark } = loop
    while (!signal.aborted) {
      try {
        const asked = performance.now()
        const answer = await this.#kv.read(what, { signal, after: index })
        if (signal.aborted) return
        // One that goes back is that of another store, or of an older one.
        const wentBack = answer.index < index
        const found = markOf(answer)
        if (found !== mark || wentBack) loop.rang()
        mark = found
        if (answer.index !== index || performance.now() - asked > MIN_WAIT_MS) backoff.reset()
        else await pause(backoff.next(), signal)
        index = wentBack ? 0 : answer.index
      } catch (thrown) {
        if (signal.aborted) return
        loop.failed(asError(thrown))
        // Whatever happened meanwhile is rung for.
        index = 0
        mark = undefined
        await pause(backoff.next(), signal)
      }
    }
  }

  #readingOf({ entries: [found] }: ConsulReading): KvReading {
    if (!found) return { revision: 'absent' }
    const value = this.#prefix.pathOf(Buffer.from(found.value).toString('utf8')) as string
    return { value, revision: found.revision }
  }
}

/** The same as long as no key is written or deleted; an index may change for other keys too. */
function markOf({ entries, newest }: ConsulReading): string {
  return `${entries.length} ${newest}`
}

/** A query that was to wait and did not, for no reason, is not asked again at once. */
const MIN_WAIT_MS = 50

/** Waits; an abort ends the wait, and is for the caller to see. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {})
}
