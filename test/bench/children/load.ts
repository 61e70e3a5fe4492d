import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { answerCalls } from '../parts/child.js'
import { LongLived } from '../parts/long-lived.js'
import { type Asked, hostOf, isNotOlder, versionOf } from '../parts/marked-documents.js'
import { type RawAnswer, RawConnection, requestText } from '../parts/raw-connection.js'

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** Between 0 and this many minus one, the frontends that are asked for. */
  readonly frontends: number
  /** How many marking servers there are: see `DocumentShape.ports`. */
  readonly servers: number
  /** After how many versions they start over. Default: never. */
  readonly versions?: number
  /** A new connection for each request. */
  readonly close?: boolean
  /** Between an answer and the next question, in milliseconds. Default 0. */
  readonly pauseMs?: number
  /** Of every second connection: its requests are POSTs with so many bytes. Default 1,024. */
  readonly payloadBytes?: number
  /** Of every fourth connection: its answers take so long. Default 0. */
  readonly slowMs?: number
}

/** What a client that never forgives saw since it was last asked. */
export interface LoadResult {
  readonly seconds: number
  readonly requests: number
  readonly failed: number
  readonly mixed: number
  /** Client connections that the proxy closed, though it was to keep them. */
  readonly closed: number
  readonly examples: readonly string[]
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** Adds up over all connections; started anew by every `measure`. */
class Tally {
  readonly start = performance.now()
  readonly microseconds: RecordableHistogram = createHistogram({ highest: 600_000_000, figures: 3 })
  readonly examples: string[] = []
  requests = 0
  failed = 0
  mixed = 0
  closed = 0

  complain(complaint: string): void {
    if (complaint.startsWith('mixed')) this.mixed += 1
    else this.failed += 1
    if (this.examples.length < 5) this.examples.push(complaint)
  }

  result(): LoadResult {
    const { requests, failed, mixed, closed, examples } = this
    const at = (share: number) => (requests === 0 ? 0 : this.microseconds.percentile(share) / 1000)
    const seconds = (performance.now() - this.start) / 1000
    return { seconds, requests, failed, mixed, closed, examples, p50: at(50), p99: at(99), p999: at(99.9) }
  }
}

let tally = new Tally()
let running = false

/** Asks one question after another over one connection at a time. */
class Asker {
  readonly #options: LoadOptions
  readonly #asked: Asked
  readonly #request: string
  #connection: RawConnection | undefined
  #newest: number | undefined
  #sentAt = 0
  ended: Promise<void> = Promise.resolve()
  #end: () => void = () => {}

  constructor(index: number, options: LoadOptions) {
    this.#options = options
    const { frontends, payloadBytes = 1024, slowMs = 0, close = false } = options
    const isSlow = slowMs > 0 && index % 4 === 3
    this.#asked = {
      host: hostOf((index * 7919) % frontends),
      path: isSlow ? `/slow/${slowMs}` : `/from/${index}`,
      payload: index % 2 === 1 && payloadBytes > 0 ? 'x'.repeat(payloadBytes) : '',
    }
    this.#request = requestText(this.#asked, close)
  }

  start(): void {
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#ask()
  }

  #ask(): void {
    if (!running) {
      this.#connection?.end()
      this.#end()
      return
    }
    this.#sentAt = performance.now()
    this.#connection ??= new RawConnection(this.#options.port, () => {
      if (!this.#options.close) tally.closed += 1
      this.#connection = undefined
    })
    this.#connection.ask(this.#request, this.#told)
  }

  readonly #told = (answer: RawAnswer | string): void => {
    tally.requests += 1
    tally.microseconds.record(Math.max(1, Math.round((performance.now() - this.#sentAt) * 1000)))
    const version =
      typeof answer === 'string' ? answer : versionOf(answer, this.#asked, this.#options.servers)
    if (typeof version === 'string') tally.complain(version)
    else {
      if (
        this.#newest !== undefined &&
        !isNotOlder(version, this.#newest, this.#options.versions ?? Infinity)
      )
        tally.complain(`mixed: went back from v${this.#newest} to v${version}`)
      this.#newest = version
    }
    if (typeof answer === 'string' || this.#options.close) {
      this.#connection?.end()
      this.#connection = undefined
    }
    const { pauseMs = 0 } = this.#options
    // Never at once: an endless chain of answers that are there already would starve everybody else.
    if (pauseMs > 0 || typeof version === 'string') setTimeout(() => this.#ask(), pauseMs)
    else this.#ask()
  }
}

let askers: Asker[] = []
let longLived: LongLived | undefined

answerCalls({
  start: (options: LoadOptions) => {
    running = true
    askers = Array.from({ length: options.connections }, (_, index) => new Asker(index, options))
    for (const asker of askers) asker.start()
  },
  /** What was seen since the last time. */
  measure: () => {
    const result = tally.result()
    tally = new Tally()
    return result
  },
  /** Lets every request under way end. */
  stop: async () => {
    running = false
    await Promise.all(askers.map(({ ended }) => ended))
  },
  openLongLived: async (options: { port: number; host: string; streams: number; webSockets: number }) => {
    longLived = new LongLived()
    await longLived.open(options)
  },
  longLived: () => longLived?.state,
  closeLongLived: () => longLived?.close(),
})
