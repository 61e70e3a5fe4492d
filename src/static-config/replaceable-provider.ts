import { STOP_LIMIT_MS, settledWithin } from '../base/timing.js'
import { asError } from '../model/errors.js'
import type { ConfigSink, Provider } from '../model/provider.js'

/** What one inner provider delivers to, until another one takes its place. */
interface Gate {
  readonly sink: ConfigSink
  close(): void
}

/**
 * A provider in whose place another one can be put while the proxy runs. What the one before delivered last serves until the
 * new one delivers.
 */
export class ReplaceableProvider implements Provider {
  readonly name: string
  #inner: Provider
  #sink: ConfigSink | undefined
  #gate: Gate | undefined
  #isUnavailable = false
  #isStopped = false
  /** Replacements follow each other. */
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
   * Stops the inner provider, and starts that of another one; resolves when it has begun to deliver. After `stop` it does
   * nothing. Never rejects: one that cannot start is an outage.
   *
   * @param next is not used otherwise
   */
  replaceBy(next: ReplaceableProvider): Promise<void> {
    this.#turn = this.#turn.then(() => this.#replace(next.#inner))
    return this.#turn
  }

  async #replace(next: Provider): Promise<void> {
    this.#gate?.close()
    if (this.#sink) await stopped(this.#inner)
    // The proxy may have been closed meanwhile.
    if (this.#isStopped) return
    this.#inner = next
    const sink = this.#sink
    // Not started yet: the new one will be.
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
          // The outage may be that of the provider before, which cannot tell its end any more.
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

/** One that does not stop must not keep the next from its start. */
async function stopped(provider: Provider): Promise<void> {
  // What it says of its own end helps nobody: another one takes its place all the same.
  const stopping = (async () => provider.stop())()
  await settledWithin(stopping, STOP_LIMIT_MS)
}
