/** The most memory that this process has had since the watch began, over what it had then, in megabytes. */
export class MemoryWatch {
  readonly #before = process.memoryUsage.rss()
  readonly #timer: NodeJS.Timeout
  #peak = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(), 5)
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
  }

  end(): number {
    this.#look()
    clearInterval(this.#timer)
    return Math.round((this.#peak - this.#before) / 1e6)
  }
}
