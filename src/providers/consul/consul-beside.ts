import { pause } from '../../base/timing.js'
import { asError } from '../../model/errors.js'
import { Backoff } from '../backoff.js'
import { findBeside, type KvBeside, type KvOwnKeys, type KvPlaces } from '../kv/kv-beside.js'
import { type ConsulKv, isDeniedByConsul } from './consul-kv.js'

/**
 * Minimum milliseconds between two searches. A version may be written below the same prefix, and each of its keys would otherwise
 * cause a search.
 */
const PACE_MS = 1_000

/**
 * Shortest and longest delay after a failed search, in milliseconds. If the token has no right to list the keys, every search
 * fails.
 */
const DENIED_MS = { min: 1_000, max: 30_000 }

/** Searches for Traefik's static configuration below a prefix in Consul, and reports when it changes. */
export class ConsulBeside {
  readonly #kv: ConsulKv
  readonly #prefix: string

  /**
   * Creates a searcher for one prefix.
   *
   * @param prefix the start of all keys below the provider's `prefix` option, without the slash at the end
   */
  constructor(kv: ConsulKv, prefix: string) {
    this.#kv = kv
    this.#prefix = prefix
  }

  /**
   * Searches once. If the token has no right to read the prefix, it returns no keys and the reason in `denied`.
   *
   * @throws ProxyError every other error of `ConsulKv.read`
   */
  async read(own: KvOwnKeys, signal: AbortSignal): Promise<KvBeside> {
    try {
      return await findBeside(this.#places(signal), own)
    } catch (thrown) {
      if (!isDeniedByConsul(asError(thrown))) throw thrown
      const denied = `the token may not read all keys below ${this.#prefix}/`
      return { entries: [], mark: 'denied', denied }
    }
  }

  /**
   * Repeats the search whenever a key below the prefix changes, and from time to time. It never rejects.
   *
   * @param known the fingerprint (`mark`) that the last search returned
   * @param changed called when a search returns another fingerprint
   */
  async follow(own: KvOwnKeys, known: string, changed: () => void, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(DENIED_MS.min, DENIED_MS.max)
    let mark = known
    let index = 0
    while (!signal.aborted) {
      let waitMs = PACE_MS
      try {
        const answer = await this.#kv.names(`${this.#prefix}/`, { signal, after: index })
        // If the index has decreased, another store answered, or the store was restored from a backup. The next query then sends
        // no index, so that Consul answers it at once.
        index = answer.index < index ? 0 : answer.index
        const found = await this.read(own, signal)
        if (found.mark !== mark && !signal.aborted) changed()
        mark = found.mark
        backoff.reset()
      } catch {
        // The error is not reported here. The watch of the alias key reports outages. If the token has no right to list the keys,
        // each document has a warning.
        index = 0
        waitMs = backoff.next()
      }
      await pause(waitMs, signal)
    }
  }

  /** Returns the functions that read the names, values and trees of keys below the prefix in Consul. */
  #places(signal: AbortSignal): KvPlaces {
    const keyOf = (key: string) => `${this.#prefix}/${key}`
    const read = async (what: { readonly key: string } | { readonly below: string }) => {
      const { entries, newest } = await this.#kv.read(what, { signal })
      const cut = this.#prefix.length + 1
      return { entries: entries.map(({ key, value }) => ({ key: key.slice(cut), value })), revision: newest }
    }
    return {
      names: async (below, wanted) => {
        const { names } = await this.#kv.names(keyOf(below), { signal })
        return names.filter((name) => wanted.includes(name.toLowerCase()))
      },
      value: (key) => read({ key: keyOf(key) }),
      tree: (key) => read({ below: `${keyOf(key)}/` }),
    }
  }
}
