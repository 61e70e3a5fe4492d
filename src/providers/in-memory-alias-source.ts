import type { AliasReading, AliasSource, AliasWatcher } from '../model/provider.js'

/**
 * An alias whose value is in the memory of this process. It serves tests, demos, and applications that decide in their own code
 * when the proxy switches to another configuration.
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
   * Makes an alias source that keeps the alias value in memory.
   *
   * @param value the first alias value; without one, the alias does not exist until `set` is called
   */
  constructor(value?: string) {
    this.#value = value
  }

  /**
   * Sets the alias value and reports a change to every watcher. The watchers also get a report if the value stays the same.
   *
   * @param value the new alias value; `undefined` deletes the alias, and the proxy keeps serving what is live
   */
  set(value: string | undefined): void {
    this.#value = value
    this.#revision += 1
    for (const watcher of this.#watchers) watcher.changed()
  }

  /** Adds a watcher, and at once reports a change to that watcher, which makes it read the first alias value. */
  async watch(watcher: AliasWatcher): Promise<void> {
    this.#watchers.add(watcher)
    watcher.changed()
  }

  /** Returns the current alias value, and as `revision` a number that grows with each call of `set`. */
  async read(): Promise<AliasReading> {
    const revision = String(this.#revision)
    return this.#value === undefined ? { revision } : { value: this.#value, revision }
  }

  /** Removes all watchers. They get no report of later calls of `set`. */
  async stop(): Promise<void> {
    this.#watchers.clear()
  }
}
