import { asError } from '../model/errors.js'
import type { ShutdownChanged } from '../model/events.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
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
  /** The last step of the shutdown that a signal has ended. */
  #skipped: 'accepting' | 'draining' | undefined

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

  /** Each step has the time that the configuration gives it. */
  async close(): Promise<void> {
    const { acceptMs, drainMs } = this.#current
    this.#proxy.on('shutdownChanged', (event) => {
      const line = describeShutdown(event)
      if (line !== undefined) this.#terminal.note(line)
    })
    await this.#proxy.close({ acceptMs, drainMs })
    await this.#started.logger?.close()
  }

  /** Ends the step of the shutdown that is under way. @returns false if there is none to skip */
  skipStep(signal: NodeJS.Signals): boolean {
    const { shutdown: step } = this.#proxy.state
    // Two signals may come before the step that the first one ends has ended.
    const next = step === 'accepting' && this.#skipped === undefined ? 'accepting' : 'draining'
    if ((step !== 'accepting' && step !== 'draining') || this.#skipped === next) return false
    this.#skipped = next
    this.#terminal.note(`closing: ${signal} again: goes on to the next step`)
    void this.#proxy.close(next === 'accepting' ? { acceptMs: 0 } : { drainMs: 0 })
    return true
  }
}

/** What a person is told of a step; nothing where there is nothing to tell. */
function describeShutdown({ step, limitMs = 0, inFlight, cut = 0 }: ShutdownChanged): string | undefined {
  const underWay = `${inFlight} under way now`
  if (step === 'accepting')
    return `closing: requests are accepted for ${limitMs / 1_000} s more, while /ready says 503; ${underWay}`
  if (step === 'draining')
    return `closing: requests under way have ${limitMs / 1_000} s, new connections are not accepted; ${underWay}`
  if (step === 'closed' && cut > 0) return `closed: ${cut} ${cut === 1 ? 'request was' : 'requests were'} cut`
  return step === 'closed' ? 'closed: no request was cut' : undefined
}

/** A line for each, on the standard error stream. */
export function tellWarnings({ warnings }: ReadStaticConfig, terminal: Terminal): void {
  for (const { path, message } of warnings)
    terminal.note(terminal.errorColours.yellow(`warning: ${path}: ${message}`))
}
