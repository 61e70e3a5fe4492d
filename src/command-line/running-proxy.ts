import { maskCredentials } from '../base/credentials.js'
import { asError } from '../model/errors.js'
import type { ShutdownChanged } from '../model/events.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import { keysAtRestart } from '../static-config/keys-at-restart.js'
import { type ReadStaticConfig, readStaticConfig } from '../static-config/read-static-config.js'
import type { FoundStaticConfig } from './find-static-config.js'
import type { Terminal } from './terminal.js'

/**
 * A proxy that the command-line program runs from a static configuration. Its methods are the actions of process signals: reload,
 * reopen the logs, close, skip a step.
 */
export class RunningProxy {
  readonly #proxy: ReverseProxy
  readonly #found: FoundStaticConfig
  readonly #terminal: Terminal
  /**
   * The configuration that was read when the process started. It still applies to everything that a reload cannot change, such as
   * logs and the status server.
   */
  readonly #started: ReadStaticConfig
  #current: ReadStaticConfig
  /** The reload in progress. A further reload waits until this promise resolves. */
  #turn: Promise<void> = Promise.resolve()
  /** The step of the shutdown that a process signal skipped most recently. Undefined before the first skip. */
  #skipped: 'accepting' | 'draining' | undefined

  constructor(proxy: ReverseProxy, config: ReadStaticConfig, found: FoundStaticConfig, terminal: Terminal) {
    this.#proxy = proxy
    this.#started = config
    this.#current = config
    this.#found = found
    this.#terminal = terminal
  }

  /** Runs the start of the proxy. A reload waits until it is over. @throws what the start throws */
  begin(start: () => Promise<void>): Promise<void> {
    const begun = start()
    this.#turn = begun.catch(() => {})
    return begun
  }

  /**
   * Reads the static configuration again. Opens, moves and closes listeners, and replaces each running provider by the new one of
   * the same name. If an entry point cannot listen, the whole proxy keeps its configuration. Never rejects.
   */
  reload(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#reload())
    return this.#turn
  }

  async #reload(): Promise<void> {
    let next: ReadStaticConfig
    try {
      next = await readStaticConfig(this.#found.source, this.#found.overrides)
      await this.#setEntryPoints(next)
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

  /** Applies the entry points of a configuration, and prints a line for each listener that opens, moves or closes. */
  async #setEntryPoints(next: ReadStaticConfig): Promise<void> {
    const { options: started } = this.#started.entryPoints
    const { options: before } = this.#current.entryPoints
    // The status server itself changes only at a restart, so its pages stay on the entry points that had them at the start.
    const entryPoints = Object.entries(next.entryPoints.options).map(
      ([name, { status: _status, ...rest }]) => {
        const status = Object.hasOwn(started, name) ? started[name]?.status : undefined
        return [name, { ...rest, ...(status && { status }) }] as const
      },
    )
    const { listen, drainMs } = next
    // While the proxy closes, its listeners stay as they are. Documents are still followed.
    if (this.#proxy.state.shutdown) return
    const bound = await this.#proxy.setEntryPoints(Object.fromEntries(entryPoints), { listen, drainMs })
    for (const [name, { url }] of Object.entries(bound)) {
      const old = Object.hasOwn(before, name) ? before[name]?.address : undefined
      if (old !== next.entryPoints.options[name]?.address) tellListener(name, url, this.#terminal)
    }
    for (const name of Object.keys(before))
      if (!Object.hasOwn(bound, name)) this.#terminal.note(`${name} no longer listens`)
  }

  /** Opens the log files again at their paths, after log rotation has renamed the old files. Never rejects. */
  async reopenLogs(): Promise<void> {
    await this.#proxy.reopenLogs()
    this.#terminal.note('logs reopened')
  }

  /** Closes the proxy in steps, and prints a line for each. `acceptMs` and `drainMs` of the configuration limit the steps. */
  async close(): Promise<void> {
    const { acceptMs, drainMs } = this.#current
    this.#proxy.on('shutdownChanged', (event) => {
      const line = describeShutdown(event)
      if (line !== undefined) this.#terminal.note(line)
    })
    await this.#proxy.close({ acceptMs, drainMs })
    await this.#started.logger?.close()
  }

  /**
   * Ends the current step of the shutdown early, so that the next step begins. @returns false if there is no step left to skip
   */
  skipStep(signal: NodeJS.Signals): boolean {
    const { shutdown: step } = this.#proxy.state
    // If the step `accepting` has been skipped but has not ended yet, a further signal skips the next step, `draining`.
    const next = step === 'accepting' && this.#skipped === undefined ? 'accepting' : 'draining'
    if ((step !== 'accepting' && step !== 'draining') || this.#skipped === next) return false
    this.#skipped = next
    this.#terminal.note(`closing: ${signal} again, so the next step begins`)
    void this.#proxy.close(next === 'accepting' ? { acceptMs: 0 } : { drainMs: 0 })
    return true
  }
}

/** Describes a step of the shutdown for the operator. Returns undefined for a step that needs no message. */
function describeShutdown({ step, limitMs = 0, inFlight, cut = 0 }: ShutdownChanged): string | undefined {
  const underWay = `${inFlight} under way now`
  if (step === 'accepting')
    return `closing: requests are accepted for ${limitMs / 1_000} s more, while /ready says 503; ${underWay}`
  if (step === 'draining')
    return `closing: requests under way have ${limitMs / 1_000} s to finish, new connections are not accepted; ${underWay}`
  if (step === 'closed' && cut > 0) return `closed: ${cut} ${cut === 1 ? 'request was' : 'requests were'} cut`
  return step === 'closed' ? 'closed: no request was cut' : undefined
}

/** Prints each warning of a static configuration on its own line of the standard error stream. */
export function tellWarnings({ warnings }: ReadStaticConfig, terminal: Terminal): void {
  for (const { path, message } of warnings)
    terminal.note(terminal.errorColours.yellow(`warning: ${path}: ${message}`))
}

/** Prints where a listener listens. */
export function tellListener(name: string, url: string, terminal: Terminal): void {
  const { bold, cyan } = terminal.colours
  terminal.print(`${bold(name)} listens on ${cyan(url)}`)
}
