import { STOP_LIMIT_MS, settledWithin } from '../base/timing.js'
import { asError } from '../model/errors.js'
import type { ConfigSink, Provider } from '../model/provider.js'

/**
 * The sink that an inner provider delivers to. After `close`, the sink ignores all deliveries, because another inner provider
 * takes over.
 */
interface Gate {
  readonly sink: ConfigSink
  close(): void
}

/**
 * A provider that forwards to an inner provider, which can be replaced while the proxy runs. The last configuration of the old
 * inner provider serves until the new one delivers.
 */
export class ReplaceableProvider implements Provider {
  readonly name: string
  #inner: Provider
  #sink: ConfigSink | undefined
  #gate: Gate | undefined
  #isUnavailable = false
  #isStopped = false
  /** The replacement in progress. A further replacement waits until this promise resolves. */
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
   * Stops the inner provider, and starts the inner provider of `next` instead. Resolves when the new one has started. After
   * `stop`, it starts nothing. Never rejects: if the new provider cannot start, it is reported as unavailable.
   *
   * @param next supplies its inner provider, and must not be used in any other way
   */
  replaceBy(next: ReplaceableProvider): Promise<void> {
    this.#turn = this.#turn.then(() => this.#replace(next.#inner))
    return this.#turn
  }

  async #replace(next: Provider): Promise<void> {
    this.#gate?.close()
    if (this.#sink) await stopped(this.#inner)
    // If `stop` was called while the old inner provider was stopping, the new one must not start.
    if (this.#isStopped) return
    this.#inner = next
    const sink = this.#sink
    // If `start` has not been called yet, there is no sink. A later `start` will start the new inner provider.
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
          // A delivery ends an outage that was reported before. The outage may have begun under the replaced provider, which can
          // no longer report the end.
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

/** Stops a provider, but waits only for a limited time. A provider that hangs must not prevent its replacement from starting. */
async function stopped(provider: Provider): Promise<void> {
  // Calls `stop` in an async function, so that a thrown error becomes a rejection. `settledWithin` ignores the rejection, because
  // the replacement starts in any case.
  const stopping = (async () => provider.stop())()
  await settledWithin(stopping, STOP_LIMIT_MS)
}
