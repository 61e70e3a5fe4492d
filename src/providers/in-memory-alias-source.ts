import type { AliasReading, AliasSource, AliasWatcher } from '../model/provider.js'

/** An alias that lives in this process: for tests and demos, and for hosts with a switch of their own. */
export class InMemoryAliasSource implements AliasSource {
  #value: string | undefined
  #revision = 1
  readonly #watchers = new Set<AliasWatcher>()

  /** @param value the alias value to begin with; none: the key does not exist yet */
  constructor(value?: string) {
    this.#value = value
  }

  /** Writes the alias. Writing the same value again is a write too. `undefined` deletes the key. */
  set(value: string | undefined): void {
    this.#value = value
    this.#revision += 1
    for (const watcher of this.#watchers) watcher.changed()
  }

  async watch(watcher: AliasWatcher): Promise<void> {
    this.#watchers.add(watcher)
    watcher.changed()
  }

  async read(): Promise<AliasReading> {
    const revision = String(this.#revision)
    return this.#value === undefined ? { revision } : { value: this.#value, revision }
  }

  async stop(): Promise<void> {
    this.#watchers.clear()
  }
}
