import { maskCredentials } from '../base/credentials.js'
import { asError } from '../model/errors.js'
import type { ShutdownChanged } from '../model/events.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import { keysAtRestart } from '../static-config/keys-at-restart.js'
import { type ReadStaticConfig, readStaticConfig } from '../static-config/read-static-config.js'
import type { FoundStaticConfig } from './find-static-config.js'
import type { Terminal } from './terminal.js'

/** A running proxy from a static configuration, with the actions that signals ask for. */
export class RunningProxy {
  readonly #proxy: ReverseProxy
  readonly #found: FoundStaticConfig
  readonly #terminal: Terminal
  /** The configuration at the start. It still holds for everything that a reload cannot change. */
  readonly #started: ReadStaticConfig
  #current: ReadStaticConfig
  /** The reload in progress. The next reload starts after it. */
  #turn: Promise<void> = Promise.resolve()
  /** The last step of the shutdown that a signal has skipped. */
  #skipped: 'accepting' | 'draining' | undefined

  constructor(proxy: ReverseProxy, config: ReadStaticConfig, found: FoundStaticConfig, terminal: Terminal) {
    this.#proxy = proxy
    this.#started = config
    this.#current = config
    this.#found = found
    this.#terminal = terminal
  }

  /** Reads the static configuration again, and replaces the running providers by the new ones. Never rejects. */
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
      this.#terminal.fail(
        maskCredentials(`not reloaded, the proxy keeps its configuration:\n${asError(thrown).message}`),
      )
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

  /** Opens the log files again. Never rejects. */
  async reopenLogs(): Promise<void> {
    await this.#proxy.reopenLogs()
    this.#terminal.note('logs reopened')
  }

  /** Closes the proxy. The configuration sets the time for each step. */
  async close(): Promise<void> {
    const { acceptMs, drainMs } = this.#current
    this.#proxy.on('shutdownChanged', (event) => {
      const line = describeShutdown(event)
      if (line !== undefined) this.#terminal.note(line)
    })
    await this.#proxy.close({ acceptMs, drainMs })
    await this.#started.logger?.close()
  }

  /** Ends the step of the shutdown that is in progress. @returns false if there is no step to skip */
  skipStep(signal: NodeJS.Signals): boolean {
    const { shutdown: step } = this.#proxy.state
    // A second signal may arrive before the step that the first one skips has ended. It must then skip the next step.
    const next = step === 'accepting' && this.#skipped === undefined ? 'accepting' : 'draining'
    if ((step !== 'accepting' && step !== 'draining') || this.#skipped === next) return false
    this.#skipped = next
    this.#terminal.note(`closing: ${signal} again, so the next step begins`)
    void this.#proxy.close(next === 'accepting' ? { acceptMs: 0 } : { drainMs: 0 })
    return true
  }
}

/** Describes a step of the shutdown for a person. Undefined for steps that need no message. */
function describeShutdown({ step, limitMs = 0, inFlight, cut = 0 }: ShutdownChanged): string | undefined {
  const underWay = `${inFlight} under way now`
  if (step === 'accepting')
    return `closing: requests are accepted for ${limitMs / 1_000} s more, while /ready says 503; ${underWay}`
  if (step === 'draining')
    return `closing: requests under way have ${limitMs / 1_000} s to finish, new connections are not accepted; ${underWay}`
  if (step === 'closed' && cut > 0) return `closed: ${cut} ${cut === 1 ? 'request was' : 'requests were'} cut`
  return step === 'closed' ? 'closed: no request was cut' : undefined
}

/** Prints each warning on a line of the standard error stream. */
export function tellWarnings({ warnings }: ReadStaticConfig, terminal: Terminal): void {
  for (const { path, message } of warnings)
    terminal.note(terminal.errorColours.yellow(`warning: ${path}: ${message}`))
}
