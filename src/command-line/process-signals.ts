import { constants } from 'node:os'
import type { RunningProxy } from './running-proxy.js'

type Handler = (signal: NodeJS.Signals) => void

/**
 * Handles SIGTERM, SIGINT, SIGHUP and SIGUSR1 for a proxy. Create it before the configuration is read, because a signal may come
 * during that time.
 */
export class ProcessSignals {
  /** Resolves when a signal has ended the proxy. */
  readonly ended: Promise<void>
  readonly #handlers: Readonly<Partial<Record<NodeJS.Signals, Handler>>>
  #running: RunningProxy | undefined
  #isReloadDue = false

  constructor() {
    let end = () => {}
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    let isEnding = false
    const close: Handler = (signal) => {
      // If the proxy does not run yet, the signal ends the process at once. No listener is open, so there are no requests to wait
      // for.
      if (!this.#running) return this.#dieOf(signal)
      if (isEnding) {
        // If the proxy is closing already, a further signal skips the current step of the shutdown, because the operator does not
        // want to wait. If no step is left to skip, the signal ends the process.
        if (!this.#running.skipStep(signal)) process.exit(128 + constants.signals[signal])
        return
      }
      isEnding = true
      void this.#running.close().finally(end)
    }
    this.#handlers = {
      SIGTERM: close,
      SIGINT: close,
      SIGHUP: () => {
        if (this.#running) void this.#running.reload()
        else this.#isReloadDue = true
      },
      SIGUSR1: () => void this.#running?.reopenLogs(),
    }
    for (const [signal, handler] of Object.entries(this.#handlers)) process.on(signal, handler)
  }

  /** Makes this proxy receive all further signals. If SIGHUP came earlier, the proxy reloads its configuration now. */
  handOver(running: RunningProxy): void {
    this.#running = running
    // If SIGHUP came before the proxy ran, reads the configuration again. The file may have changed after it was first read.
    if (this.#isReloadDue) void running.reload()
  }

  /** Ends the process as the signal would without handlers. Otherwise a configuration read that hangs would delay the exit. */
  #dieOf(signal: NodeJS.Signals): void {
    this.ignore()
    process.kill(process.pid, signal)
    // Exits if the signal has not ended the process. In a container, the process may have id 1, and the kernel ignores an
    // unhandled signal for it.
    process.exit(128 + constants.signals[signal])
  }

  /** Removes all handlers, so that signals have Node's default effect again. */
  ignore(): void {
    for (const [signal, handler] of Object.entries(this.#handlers)) process.off(signal, handler)
  }
}
