import { constants } from 'node:os'
import type { RunningProxy } from './running-proxy.js'

type Handler = (signal: NodeJS.Signals) => void

/** Signals of the process, and what they ask of a proxy: caught before its configuration is read, which may take a while. */
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
      // Nothing listens yet, so nothing is to be waited for.
      if (!this.#running) return this.#dieOf(signal)
      if (isEnding) {
        // Who asks again does not want to wait. Behind the last step there is nothing but the end.
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

  /** From now on they are for that proxy; what was asked of it before is done now. */
  handOver(running: RunningProxy): void {
    this.#running = running
    // What is being read may have changed behind the reader's back.
    if (this.#isReloadDue) void running.reload()
  }

  /** As if there were no handlers: a read that hangs would hold up an exit. */
  #dieOf(signal: NodeJS.Signals): void {
    this.ignore()
    process.kill(process.pid, signal)
    // The first process of a container does not die of that.
    process.exit(128 + constants.signals[signal])
  }

  /** Gives them back to the process. */
  ignore(): void {
    for (const [signal, handler] of Object.entries(this.#handlers)) process.off(signal, handler)
  }
}
