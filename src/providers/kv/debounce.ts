/** A burst of changes that does not end is reported after this many times the quiet time. */
const MOST_DELAYS = 10

/** Debounces changes: a burst is reported once, after a time without a further change. */
export class Debounce {
  readonly #quietMs: number
  readonly #report: () => void
  /** When the first change of this burst came, by `performance.now()`. */
  #firstChange: number | undefined
  #quiet: NodeJS.Timeout | undefined

  /**
   * @param quietMs milliseconds without a change that end a burst
   * @param report called at the end of each burst
   */
  constructor(quietMs: number, report: () => void) {
    this.#quietMs = quietMs
    this.#report = report
  }

  /** Takes one change. */
  changed(): void {
    const now = performance.now()
    this.#firstChange ??= now
    clearTimeout(this.#quiet)
    const latest = this.#firstChange + MOST_DELAYS * this.#quietMs
    this.#quiet = setTimeout(() => this.#end(), Math.max(0, Math.min(this.#quietMs, latest - now)))
    this.#quiet.unref()
  }

  /** Drops the changes that were not reported yet. */
  forget(): void {
    clearTimeout(this.#quiet)
    this.#firstChange = undefined
  }

  #end(): void {
    this.#firstChange = undefined
    this.#report()
  }
}
