import { constants } from 'node:os'
import type { RunningProxy } from './running-proxy.js'

type Handler = (signal: NodeJS.Signals) => void

/** Signals of the process, and what they ask of a proxy that runs. */
export class ProcessSignals {
  /** Resolves when a signal has ended the proxy. */
  readonly ended: Promise<void>
  readonly #handlers: Readonly<Partial<Record<NodeJS.Signals, Handler>>>

  constructor(running: RunningProxy) {
    let end = () => {}
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    let isEnding = false
    const close: Handler = (signal) => {
      // Who asks twice does not want to wait.
      if (isEnding) process.exit(128 + constants.signals[signal])
      isEnding = true
      void running.close().finally(end)
    }
    this.#handlers = {
      SIGTERM: close,
      SIGINT: close,
      SIGHUP: () => void running.reload(),
      SIGUSR1: () => void running.reopenLogs(),
    }
    for (const [signal, handler] of Object.entries(this.#handlers)) process.on(signal, handler)
  }

  /** Gives them back to the process. */
  ignore(): void {
    for (const [signal, handler] of Object.entries(this.#handlers)) process.off(signal, handler)
  }
}
