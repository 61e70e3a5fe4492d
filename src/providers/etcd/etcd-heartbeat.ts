/** A sign of life is asked for this often, and must come within the limit: a silent peer is noticed after 8 s at most. */
const ASK_MS = 5_000
const ANSWER_MS = 3_000

/**
 * Watches that a stream is alive. TCP does not tell that a peer is stopped, or that the network drops everything, and
 * gRPC's own pings do not notice a peer that was silent from the first byte.
 */
export class EtcdHeartbeat {
  readonly #ask: () => void
  readonly #onSilence: (cause: Error) => void
  readonly #asking: NodeJS.Timeout
  #answer: NodeJS.Timeout | undefined

  /**
   * @param ask asks the peer for a sign of life
   * @param onSilence called once if none comes
   */
  constructor(ask: () => void, onSilence: (cause: Error) => void) {
    this.#ask = ask
    this.#onSilence = onSilence
    this.#asking = setInterval(() => this.#beat(), ASK_MS).unref()
  }

  /** Anything came from the peer. */
  heard(): void {
    clearTimeout(this.#answer)
    this.#answer = undefined
  }

  stop(): void {
    clearInterval(this.#asking)
    this.heard()
  }

  #beat(): void {
    this.#answer ??= setTimeout(() => {
      this.stop()
      this.#onSilence(new Error(`no sign of life within ${ANSWER_MS} ms`))
    }, ANSWER_MS).unref()
    this.#ask()
  }
}
