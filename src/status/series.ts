/** Upper bounds in seconds. Source: Traefik 1.7's defaults, and finer ones below, where a proxy's time lies. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.025, 0.1, 0.3, 1.2, 5]

/** Requests that ended alike: of one method, protocol and status. */
export interface Cell {
  readonly method: string
  readonly protocol: string
  readonly code: number
  count: number
  seconds: number
  /** How many lasted up to each bound, and longer than the one before. */
  readonly buckets: number[]
}

/** Others are counted together: a client could invent a method for each request. The word is Traefik's. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']
const OTHER_METHOD = 'EXTENSION_METHOD'
const METHOD_PLACES: ReadonlyMap<string, number> = new Map(METHODS.map((method, place) => [method, place]))
const PROTOCOLS = ['http', 'websocket']

/** The method as a label. */
export function methodLabel(method: string | undefined): string {
  return METHODS[METHOD_PLACES.get(method ?? '') ?? -1] ?? OTHER_METHOD
}

/** All requests of one entry point or backend, told apart as Traefik's metrics do. */
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
    // A number, not a text, for each combination: this is done for every request.
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
