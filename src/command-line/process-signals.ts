import { constants } from 'node:os'
import type { RunningProxy } from './running-proxy.js'

type Handler = (signal: NodeJS.Signals) => void

/** Handles the signals of the process for a proxy. It begins before the configuration is read, because that may take a while. */
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
      // No listener is open yet, so there are no requests to wait for.
      if (!this.#running) return this.#dieOf(signal)
      if (isEnding) {
        // An operator who sends the signal again does not want to wait. After the last step there is nothing to skip, so the
        // process ends.
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

  /** Sends all further signals to this proxy. A reload that was asked for earlier starts now. */
  handOver(running: RunningProxy): void {
    this.#running = running
    // The file may have changed after it was read, so it is read again.
    if (this.#isReloadDue) void running.reload()
  }

  /** Ends the process as if there were no handlers. Without this, a read that hangs would delay the exit. */
  #dieOf(signal: NodeJS.Signals): void {
    this.ignore()
    process.kill(process.pid, signal)
    // A process with id 1, as in a container, does not die of a signal that it does not handle.
    process.exit(128 + constants.signals[signal])
  }

  /** Removes all handlers, so that signals have Node's default effect again. */
  ignore(): void {
    for (const [signal, handler] of Object.entries(this.#handlers)) process.off(signal, handler)
  }
}
