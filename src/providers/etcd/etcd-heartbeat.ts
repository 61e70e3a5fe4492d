/** Milliseconds between two heartbeats. A silent peer is noticed after 8 s at most: this interval and the limit below. */
const ASK_MS = 5_000
/** Milliseconds within which the peer must answer a heartbeat. */
const ANSWER_MS = 3_000

/**
 * Sends heartbeats over a stream and notices when its peer falls silent. TCP does not report that a peer is stopped, or that the
 * network drops all packets. The pings of gRPC do not notice a peer that never sent a byte.
 */
export class EtcdHeartbeat {
  readonly #ask: () => void
  readonly #onSilence: (cause: Error) => void
  readonly #asking: NodeJS.Timeout
  #answer: NodeJS.Timeout | undefined

  /**
   * @param ask sends a heartbeat to the peer
   * @param onSilence called once if no answer comes in time
   */
  constructor(ask: () => void, onSilence: (cause: Error) => void) {
    this.#ask = ask
    this.#onSilence = onSilence
    this.#asking = setInterval(() => this.#beat(), ASK_MS).unref()
  }

  /** Notes that a message came from the peer. Any message counts as an answer. */
  heard(): void {
    clearTimeout(this.#answer)
    this.#answer = undefined
  }

  /** Ends the heartbeats. */
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
