/** The number of histogram buckets between a duration and twice this duration. With 8, a percentile is off by at most 4.5 %. */
const PER_OCTAVE = 8
/**
 * The number of buckets in a histogram. The buckets cover durations from a microsecond to a little more than a minute. Longer
 * durations count in the last bucket.
 */
const BUCKETS = 26 * PER_OCTAVE

/**
 * Counts durations in buckets that become wider as durations become longer. Recording a duration costs a logarithm and a few
 * additions, and a histogram takes about a kilobyte of memory.
 */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #count = 0
  #totalMs = 0

  /** Records one duration. @param ms the duration in milliseconds */
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

  /** The mean of the recorded durations in milliseconds. Undefined if none was recorded. */
  get mean(): number | undefined {
    return this.#count === 0 ? undefined : this.#totalMs / this.#count
  }

  /**
   * Returns a percentile in milliseconds: the given share of the recorded durations is at most as long. Undefined if none was
   * recorded.
   *
   * @param share from 0 to 1, such as 0.99 for the 99th percentile
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
