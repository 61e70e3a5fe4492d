/**
 * Default upper bounds of the buckets of duration histograms, in seconds. They are Traefik 1.7's defaults, with finer bounds for
 * the usual durations of a proxy.
 */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.025, 0.1, 0.3, 1.2, 5]

/** The counts of the requests with the same method, protocol and status. */
export interface Cell {
  readonly method: string
  readonly protocol: string
  readonly code: number
  count: number
  seconds: number
  /**
   * The number of requests in each bucket of the duration histogram. A bucket reaches from the bound of the previous bucket to
   * its own bound. The last bucket has no upper bound.
   */
  readonly buckets: number[]
}

/**
 * Request methods that have their own value of the metric label `method`. All other methods share one value, because a client
 * could invent a new method for each request. Traefik has the same shared value.
 */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']
const OTHER_METHOD = 'EXTENSION_METHOD'
const METHOD_PLACES: ReadonlyMap<string, number> = new Map(METHODS.map((method, place) => [method, place]))
const PROTOCOLS = ['http', 'websocket']

/** Returns the value of the metric label `method` for a request method. */
export function methodLabel(method: string | undefined): string {
  return METHODS[METHOD_PLACES.get(method ?? '') ?? -1] ?? OTHER_METHOD
}

/** Counts the requests of one entry point or backend by method, protocol and status. Traefik's metrics have the same labels. */
export class Series {
  readonly #bounds: readonly number[]
  readonly #cells = new Map<number, Cell>()

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
  }

  get cells(): Iterable<Cell> {
    return this.#cells.values()
  }

  count(method: string, code: number, seconds: number): void {
    const place = METHOD_PLACES.get(method) ?? METHODS.length
    // Use a number as the key and not a string, because this code runs for every request.
    const key = (place * PROTOCOLS.length + (code === 101 ? 1 : 0)) * 1_000 + code
    let cell = this.#cells.get(key)
    if (cell === undefined) {
      cell = this.#newCell(place, code)
      this.#cells.set(key, cell)
    }
    cell.count += 1
    cell.seconds += seconds
    let bucket = 0
    while (bucket < this.#bounds.length && seconds > (this.#bounds[bucket] as number)) bucket += 1
    cell.buckets[bucket] = (cell.buckets[bucket] as number) + 1
  }

  #newCell(place: number, code: number): Cell {
    return {
      method: METHODS[place] ?? OTHER_METHOD,
      protocol: PROTOCOLS[code === 101 ? 1 : 0] as string,
      code,
      count: 0,
      seconds: 0,
      buckets: new Array<number>(this.#bounds.length + 1).fill(0),
    }
  }
}
