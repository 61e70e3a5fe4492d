import type { ReverseProxy } from '../create-proxy.js'
import { asError } from '../model/errors.js'
import { keysAtRestart } from '../static-config/keys-at-restart.js'
import { type ReadStaticConfig, readStaticConfig } from '../static-config/read-static-config.js'
import { masked } from '../status/masked.js'
import type { FoundStaticConfig } from './find-static-config.js'
import type { Terminal } from './terminal.js'

/** A proxy that a static configuration describes, while it runs: what signals ask of it. */
export class RunningProxy {
  readonly #proxy: ReverseProxy
  readonly #found: FoundStaticConfig
  readonly #terminal: Terminal
  /** As it was at the start: what a reload cannot change is still of this one. */
  readonly #started: ReadStaticConfig
  #current: ReadStaticConfig
  /** Reloads follow each other. */
  #turn: Promise<void> = Promise.resolve()

  constructor(proxy: ReverseProxy, config: ReadStaticConfig, found: FoundStaticConfig, terminal: Terminal) {
    this.#proxy = proxy
    this.#started = config
    this.#current = config
    this.#found = found
    this.#terminal = terminal
  }

  /** Reads the static configuration again, and puts its providers in the place of those that run. Never rejects. */
  reload(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#reload())
    return this.#turn
  }

  async #reload(): Promise<void> {
    let next: ReadStaticConfig
    try {
      next = await readStaticConfig(this.#found.source, this.#found.overrides, {
        names: this.#started.entryPoints.names,
        defaults: this.#current.entryPoints.defaults,
      })
    } catch (thrown) {
      this.#terminal.fail(masked(`not reloaded, everything goes on as it was:\n${asError(thrown).message}`))
      return
    }
    tellWarnings(next, this.#terminal)
    for (const key of keysAtRestart(this.#started, next))
      this.#terminal.note(
        this.#terminal.errorColours.yellow(`warning: ${key} has changed, which needs a restart`),
      )
    this.#current = next
    await Promise.all([
      this.#proxy.reopenLogs(),
      ...this.#started.providers.map(async (running) => {
        const replacement = next.providers.find(({ name }) => name === running.name)
        if (replacement) await running.replaceBy(replacement)
      }),
    ])
    this.#terminal.note('reloaded')
  }

  /** Never rejects. */
  async reopenLogs(): Promise<void> {
    await this.#proxy.reopenLogs()
    this.#terminal.note('logs reopened')
  }

  /** Requests under way have the time that the configuration gives them. */
  async close(): Promise<void> {
    const { drainMs } = this.#current
    this.#terminal.note(`closing: requests under way have ${drainMs / 1_000} s`)
    await this.#proxy.close({ drainMs })
    await this.#started.logger?.close()
  }
}

/** A line for each, on the standard error stream. */
export function tellWarnings({ warnings }: ReadStaticConfig, terminal: Terminal): void {
  for (const { path, message } of warnings)
    terminal.note(terminal.errorColours.yellow(`warning: ${path}: ${message}`))
}
