import { STOP_LIMIT_MS, settledWithin } from '../base/timing.js'
import { asError } from '../model/errors.js'
import type { ConfigSink, Provider } from '../model/provider.js'

/** The sink that one inner provider delivers to. It is closed when another provider replaces that one. */
interface Gate {
  readonly sink: ConfigSink
  close(): void
}

/**
 * A provider whose inner provider can be replaced while the proxy runs. The last configuration of the old provider serves until
 * the new one delivers.
 */
export class ReplaceableProvider implements Provider {
  readonly name: string
  #inner: Provider
  #sink: ConfigSink | undefined
  #gate: Gate | undefined
  #isUnavailable = false
  #isStopped = false
  /** The replacement in progress. The next replacement starts after it. */
  #turn: Promise<void> = Promise.resolve()

  constructor(inner: Provider) {
    this.name = inner.name
    this.#inner = inner
  }

  get allowEmpty(): boolean {
    return this.#inner.allowEmpty ?? false
  }

  get throttleMs(): number {
    return this.#inner.throttleMs ?? 0
  }

  async start(sink: ConfigSink): Promise<void> {
    this.#isStopped = false
    this.#sink = sink
    this.#gate = this.#gateTo(sink)
    await this.#inner.start(this.#gate.sink)
  }

  /**
   * Stops the inner provider and starts the one inside `next`. Resolves when the new provider has started. After `stop` it does
   * nothing. Never rejects: if the new provider cannot start, it is reported as unavailable.
   *
   * @param next must not be used anywhere else
   */
  replaceBy(next: ReplaceableProvider): Promise<void> {
    this.#turn = this.#turn.then(() => this.#replace(next.#inner))
    return this.#turn
  }

  async #replace(next: Provider): Promise<void> {
    this.#gate?.close()
    if (this.#sink) await stopped(this.#inner)
    // `stop` may have been called while the old provider was stopping.
    if (this.#isStopped) return
    this.#inner = next
    const sink = this.#sink
    // `start` has not been called yet. It will start the new inner provider.
    if (!sink) return
    this.#gate = this.#gateTo(sink)
    const gate = this.#gate
    try {
      await next.start(gate.sink)
    } catch (thrown) {
      gate.sink.unavailable(asError(thrown))
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#gate?.close()
    await this.#inner.stop()
  }

  #gateTo(sink: ConfigSink): Gate {
    let isOpen = true
    return {
      close: () => {
        isOpen = false
      },
      sink: {
        update: (config, about) => {
          if (!isOpen) return Promise.resolve({ state: 'superseded' })
          // The outage may have begun under the previous provider, which can no longer report its end.
          this.#recovered(sink)
          return sink.update(config, about)
        },
        reject: (error, about) => {
          if (isOpen) sink.reject(error, about)
        },
        unavailable: (error) => {
          if (!isOpen) return
          this.#isUnavailable = true
          sink.unavailable(error)
        },
        recovered: () => {
          if (isOpen) this.#recovered(sink)
        },
      },
    }
  }

  #recovered(sink: ConfigSink): void {
    if (this.#isUnavailable) sink.recovered()
    this.#isUnavailable = false
  }
}

/** Stops a provider, but for a limited time: a provider that hangs must not keep the next one from starting. */
async function stopped(provider: Provider): Promise<void> {
  // A failure to stop is dropped, because another provider takes over anyway.
  const stopping = (async () => provider.stop())()
  await settledWithin(stopping, STOP_LIMIT_MS)
}
