/** A burst of changes that does not end is reported anyway after this many times `quietMs`, counted from its first change. */
const MOST_DELAYS = 10

/** Debounces changes: a burst of changes is reported once, when no further change has come for some time. */
export class Debounce {
  readonly #quietMs: number
  readonly #report: () => void
  /** When the first change of the current burst came, by `performance.now()`. Undefined between bursts. */
  #firstChange: number | undefined
  #quiet: NodeJS.Timeout | undefined

  /**
   * Creates a debouncer.
   *
   * @param quietMs a burst ends after this many milliseconds without a change
   * @param report called at the end of each burst
   */
  constructor(quietMs: number, report: () => void) {
    this.#quietMs = quietMs
    this.#report = report
  }

  /** Records one change and restarts the timer that ends the burst. */
  changed(): void {
    const now = performance.now()
    this.#firstChange ??= now
    clearTimeout(this.#quiet)
    const latest = this.#firstChange + MOST_DELAYS * this.#quietMs
    this.#quiet = setTimeout(() => this.#end(), Math.max(0, Math.min(this.#quietMs, latest - now)))
    this.#quiet.unref()
  }

  /** Drops the current burst, so that its changes are not reported. */
  forget(): void {
    clearTimeout(this.#quiet)
    this.#firstChange = undefined
  }

  #end(): void {
    this.#firstChange = undefined
    this.#report()
  }
}
