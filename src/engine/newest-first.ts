/**
 * Runs pieces of work one at a time. A newer piece aborts those before it, and begins when they have ended. So two pieces never
 * work on the same state at once.
 */
export class NewestFirst {
  /** The pieces that run or wait. */
  readonly #underWay = new Set<AbortController>()
  /** Resolves when the last piece has ended. It never rejects. */
  #last: Promise<unknown> = Promise.resolve()
  #closed: Error | undefined

  /**
   * Runs a piece of work once the pieces before it have ended. It aborts them.
   *
   * @param reason why the pieces before are aborted
   * @throws the reason of the signal, if this piece is aborted before it begins; or what the work throws
   */
  run<T>(reason: Error, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#abortAll(reason)
    return this.behind(work)
  }

  /** Runs a piece of work behind the others, and aborts none of them. A newer `run` aborts it. @throws as `run` */
  async behind<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const piece = new AbortController()
    if (this.#closed) piece.abort(this.#closed)
    this.#underWay.add(piece)
    const turn = this.#last.then(() => {
      piece.signal.throwIfAborted()
      return work(piece.signal)
    })
    this.#last = turn.then(
      () => this.#underWay.delete(piece),
      () => this.#underWay.delete(piece),
    )
    return turn
  }

  /** Aborts every piece, now and later. */
  close(reason: Error): void {
    this.#closed ??= reason
    this.#abortAll(reason)
  }

  #abortAll(reason: Error): void {
    for (const piece of this.#underWay) piece.abort(reason)
  }
}
