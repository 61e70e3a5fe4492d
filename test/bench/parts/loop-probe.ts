import { type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'

/** How long requests had to wait, at worst, while the probe was on. Milliseconds. */
export interface LoopBlock {
  /** The longest turn of the event loop, without the time that JSON.parse took in it. */
  readonly longest: number
  /** The longest JSON.parse. */
  readonly parse: number
  /** The longest pause for garbage. */
  readonly garbage: number
  /** The longest delay as node's own monitor sees it, JSON.parse included. */
  readonly monitor: number
}

let parsed = 0
let longestParse = 0
let longestGarbage = 0

/** Times every JSON.parse of this process: one document is one call, which nobody can interrupt. */
export function timeParsing(): void {
  const parse = JSON.parse
  JSON.parse = (...args: Parameters<typeof parse>) => {
    const start = performance.now()
    try {
      return parse(...args)
    } finally {
      const took = performance.now() - start
      parsed += took
      longestParse = Math.max(longestParse, took)
    }
  }
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestGarbage = Math.max(longestGarbage, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
}

/** Times every turn of the event loop while it is on. */
export class LoopProbe {
  #on = false
  #longest = 0
  #monitor: IntervalHistogram | undefined

  start(): void {
    this.#on = true
    this.#longest = 0
    longestParse = 0
    longestGarbage = 0
    this.#monitor = monitorEventLoopDelay({ resolution: 1 })
    this.#monitor.enable()
    let turn = performance.now()
    let parsedBefore = parsed
    const look = () => {
      if (!this.#on) return
      const now = performance.now()
      this.#longest = Math.max(this.#longest, now - turn - (parsed - parsedBefore))
      turn = now
      parsedBefore = parsed
      setImmediate(look)
    }
    setImmediate(look)
  }

  stop(): LoopBlock {
    this.#on = false
    this.#monitor?.disable()
    const monitor = (this.#monitor?.max ?? 0) / 1e6
    return { longest: this.#longest, parse: longestParse, garbage: longestGarbage, monitor }
  }
}
