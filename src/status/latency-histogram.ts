/** Steps in which a time doubles: a percentile is at most 4.5 % off. */
const PER_OCTAVE = 8
/** From a microsecond to somewhat over a minute; what lasts longer counts as that. */
const BUCKETS = 26 * PER_OCTAVE

/** How long requests took, in buckets that grow with the time: one addition for each, a kilobyte in all. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #count = 0
  #totalMs = 0

  /** @param ms milliseconds */
  record(ms: number): void {
    const bucket = ms > 0.001 ? Math.floor(Math.log2(ms * 1_000) * PER_OCTAVE) : 0
    const place = Math.min(bucket, BUCKETS - 1)
    this.#counts[place] = (this.#counts[place] ?? 0) + 1
    this.#count += 1
    this.#totalMs += ms
  }

  get count(): number {
    return this.#count
  }

  /** Milliseconds; undefined if nothing was recorded. */
  get mean(): number | undefined {
    return this.#count === 0 ? undefined : this.#totalMs / this.#count
  }

  /**
   * Within what so many of the times lie, in milliseconds; undefined if nothing was recorded.
   *
   * @param share from 0 to 1
   */
  percentile(share: number): number | undefined {
    if (this.#count === 0) return undefined
    let left = Math.ceil(this.#count * share)
    for (let place = 0; place < BUCKETS; place += 1) {
      left -= this.#counts[place] ?? 0
      if (left <= 0) return 2 ** ((place + 0.5) / PER_OCTAVE) / 1_000
    }
    return undefined
  }

  clear(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#totalMs = 0
  }
}
