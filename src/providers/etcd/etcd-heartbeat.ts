/**
 * Milliseconds between two heartbeats. A peer that has stopped answering is noticed after at most 8 seconds: this interval plus
 * `ANSWER_MS`.
 */
const ASK_MS = 5_000
/** Milliseconds within which the peer must answer a heartbeat. */
const ANSWER_MS = 3_000

/**
 * Sends heartbeats over a gRPC stream and notices when the peer stops answering. TCP does not report that the peer is stopped, or
 * that the network drops all packets. The pings of gRPC do not notice a peer that has never sent a byte.
 */
export class EtcdHeartbeat {
  readonly #ask: () => void
  readonly #onSilence: (cause: Error) => void
  readonly #asking: NodeJS.Timeout
  #answer: NodeJS.Timeout | undefined

  /**
   * Starts the heartbeats.
   *
   * @param ask sends a heartbeat to the peer
   * @param onSilence called once if the peer does not answer in time
   */
  constructor(ask: () => void, onSilence: (cause: Error) => void) {
    this.#ask = ask
    this.#onSilence = onSilence
    this.#asking = setInterval(() => this.#beat(), ASK_MS).unref()
  }

  /** Records that a message of the peer has arrived. Any message counts as an answer to the heartbeat. */
  heard(): void {
    clearTimeout(this.#answer)
    this.#answer = undefined
  }

  /** Stops the heartbeats. */
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
