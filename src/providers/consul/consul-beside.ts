import { pause } from '../../base/timing.js'
import { asError } from '../../model/errors.js'
import { Backoff } from '../backoff.js'
import { findBeside, type KvBeside, type KvOwnKeys, type KvPlaces } from '../kv/kv-beside.js'
import { type ConsulKv, isDeniedByConsul } from './consul-kv.js'

/** Milliseconds between two searches, at least. Each key of a version that is written below the same prefix wakes the query. */
const PACE_MS = 1_000

/** Limits of the delay after a failed search, in milliseconds. Without the right to list the keys, every search fails. */
const DENIED_MS = { min: 1_000, max: 30_000 }

/** Searches for Traefik's static configuration below a prefix in Consul, and follows its changes. */
export class ConsulBeside {
  readonly #kv: ConsulKv
  readonly #prefix: string

  /** @param prefix the provider's own prefix as keys begin with it, without a slash at its end */
  constructor(kv: ConsulKv, prefix: string) {
    this.#kv = kv
    this.#prefix = prefix
  }

  /**
   * Searches once. For a token without the right to read the prefix, it returns no keys and `denied`.
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
   * Searches again whenever a key below the prefix changes, and from time to time. Never rejects.
   *
   * @param known the mark of the last search
   * @param changed called when a search finds another mark
   */
  async follow(own: KvOwnKeys, known: string, changed: () => void, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(DENIED_MS.min, DENIED_MS.max)
    let mark = known
    let index = 0
    while (!signal.aborted) {
      let waitMs = PACE_MS
      try {
        const answer = await this.#kv.names(`${this.#prefix}/`, { signal, after: index })
        // An index that goes back comes from another store, or from one that was restored. The next query must not wait.
        index = answer.index < index ? 0 : answer.index
        const found = await this.read(own, signal)
        if (found.mark !== mark && !signal.aborted) changed()
        mark = found.mark
        backoff.reset()
      } catch {
        // The watch of the alias reports outages. Each document carries the warning for a token that may not list the keys.
        index = 0
        waitMs = backoff.next()
      }
      await pause(waitMs, signal)
    }
  }

  /** Returns reads of Consul below the prefix. */
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
