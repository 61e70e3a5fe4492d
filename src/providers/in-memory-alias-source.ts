import type { AliasReading, AliasSource, AliasWatcher } from '../model/provider.js'

/**
 * An alias in the memory of this process, for tests, demos, and hosts that decide themselves when to switch.
 *
 * @example
 * ```ts
 * const source = new InMemoryAliasSource('/traefik/dev/v1')
 * const provider = new AliasProvider({ source, fetcher })
 * source.set('/traefik/dev/v2') // the proxy switches
 * ```
 */
export class InMemoryAliasSource implements AliasSource {
  #value: string | undefined
  #revision = 1
  readonly #watchers = new Set<AliasWatcher>()

  /**
   * Makes a source.
   *
   * @param value the first alias value; without one, the alias does not exist until `set` is called
   */
  constructor(value?: string) {
    this.#value = value
  }

  /**
   * Writes the alias and reports a change. Writing the same value again is a write too.
   *
   * @param value the new alias value; `undefined` deletes the alias, and the proxy keeps serving what is live
   */
  set(value: string | undefined): void {
    this.#value = value
    this.#revision += 1
    for (const watcher of this.#watchers) watcher.changed()
  }

  /** Adds a watcher, and reports a change to it at once so that it reads the first value. */
  async watch(watcher: AliasWatcher): Promise<void> {
    this.#watchers.add(watcher)
    watcher.changed()
  }

  /** Returns the current value and the number of its write as the revision. */
  async read(): Promise<AliasReading> {
    const revision = String(this.#revision)
    return this.#value === undefined ? { revision } : { value: this.#value, revision }
  }

  /** Removes every watcher. Later writes are reported to none of them. */
  async stop(): Promise<void> {
    this.#watchers.clear()
  }
}
