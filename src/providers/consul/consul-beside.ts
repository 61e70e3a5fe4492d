import { pause } from '../../base/timing.js'
import { asError } from '../../model/errors.js'
import { Backoff } from '../backoff.js'
import { findBeside, type KvBeside, type KvOwnKeys, type KvPlaces } from '../kv/kv-beside.js'
import { type ConsulKv, isDeniedByConsul } from './consul-kv.js'

/** Versions are written below the same prefix, key by key: for them it is looked so often at most. */
const PACE_MS = 1_000

/** Who may not look is asked for again so often at most. */
const DENIED_MS = { min: 1_000, max: 30_000 }

/** Static configuration below a prefix in Consul. */
export class ConsulBeside {
  readonly #kv: ConsulKv
  readonly #prefix: string

  /** @param prefix as keys have it, without a slash at its end */
  constructor(kv: ConsulKv, prefix: string) {
    this.#kv = kv
    this.#prefix = prefix
  }

  /** @throws ProxyError as `ConsulKv`, but for a token that may not read it */
  async read(own: KvOwnKeys, signal: AbortSignal): Promise<KvBeside> {
    try {
      return await findBeside(this.#places(signal), own)
    } catch (thrown) {
      if (!isDeniedByConsul(asError(thrown))) throw thrown
      const denied = `the token may not read all of what stands below ${this.#prefix}/`
      return { entries: [], mark: 'denied', denied }
    }
  }

  /**
   * Looks when anything below the prefix changes, and now and then. Never rejects.
   *
   * @param known the mark of what was read
   */
  async follow(own: KvOwnKeys, known: string, changed: () => void, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(DENIED_MS.min, DENIED_MS.max)
    let mark = known
    let index = 0
    while (!signal.aborted) {
      let waitMs = PACE_MS
      try {
        const answer = await this.#kv.names(`${this.#prefix}/`, { signal, after: index })
        // One that goes back is that of another store, or of an older one.
        index = answer.index < index ? 0 : answer.index
        const found = await this.read(own, signal)
        if (found.mark !== mark && !signal.aborted) changed()
        mark = found.mark
        backoff.reset()
      } catch {
        // An outage is for the watch of the alias to tell. A token that may not list them is told with each document.
        index = 0
        waitMs = backoff.next()
      }
      await pause(waitMs, signal)
    }
  }

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
