/** How many places there are. */
export interface PlaceLimits {
  readonly total: number
  readonly perAddress: number
}

/** What to do with an entry whose place goes to another. */
export interface PlaceRules<T> {
  readonly end: (entry: T) => void
  /** Idle ones go first. Default: all are. */
  readonly isIdle?: (entry: T) => boolean
}

/**
 * Gives a place to each that comes, and ends another where there is none: the oldest of the same address if that has its share,
 * else the oldest of the address with the most. A health check behind the same address as an attacker still gets in.
 */
export class Places<T> {
  readonly #limits: PlaceLimits
  readonly #rules: PlaceRules<T>
  /** Each in the order of coming. */
  readonly #byAddress = new Map<string, Set<T>>()
  #taken = 0

  constructor(limits: PlaceLimits, rules: PlaceRules<T>) {
    this.#limits = limits
    this.#rules = rules
  }

  /** @returns gives the place back; further calls change nothing */
  enter(entry: T, remoteAddress: string | undefined): () => void {
    const address = networkOf(remoteAddress)
    const mates = this.#byAddress.get(address)
    if (mates && mates.size >= this.#limits.perAddress) this.#endOneOf(mates, address)
    else if (this.#taken >= this.#limits.total) this.#endOneOf(...this.#greediest())
    const ofAddress = this.#byAddress.get(address) ?? new Set()
    this.#byAddress.set(address, ofAddress.add(entry))
    this.#taken += 1
    return () => this.#leave(entry, address)
  }

  #greediest(): [Set<T>, string] {
    let found: [Set<T>, string] = [new Set(), '']
    for (const [address, entries] of this.#byAddress)
      if (entries.size > found[0].size) found = [entries, address]
    return found
  }

  #endOneOf(entries: ReadonlySet<T>, address: string): void {
    const { end, isIdle } = this.#rules
    const [oldest] = entries
    let ended = oldest
    if (isIdle)
      for (const entry of entries) {
        if (!isIdle(entry)) continue
        ended = entry
        break
      }
    if (ended === undefined) return
    this.#leave(ended, address)
    end(ended)
  }

  #leave(entry: T, address: string): void {
    const entries = this.#byAddress.get(address)
    if (!entries?.delete(entry)) return
    this.#taken -= 1
    if (entries.size === 0) this.#byAddress.delete(address)
  }
}

/** An address, or of IPv6 its network of 64 bits: a machine may use every address of it (RFC 4291, 2.5.4). */
export function networkOf(address = ''): string {
  // IPv4, also as IPv6 writes it.
  if (!address.includes(':') || address.includes('.')) return address.replace(/^::ffff:/i, '')
  const [before = '', after] = address.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after ? after.split(':') : []
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':')
}
