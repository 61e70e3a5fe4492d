/** The highest number of entries, such as open connections: in total, and for each client address. */
export interface PlaceLimits {
  readonly total: number
  readonly perAddress: number
}

/** Says how `Places` ends an old entry, such as a connection, to make room for a new one. */
export interface PlaceRules<T> {
  readonly end: (entry: T) => void
  /**
   * Tells whether an entry, such as a connection, is idle. Idle entries are ended first. If undefined, every entry counts as
   * idle.
   */
  readonly isIdle?: (entry: T) => boolean
}

/**
 * Limits the number of entries, such as open connections. A new entry always gets in, and may end an older one. If the client
 * address of the new entry has reached its limit, the oldest entry of that address ends. If the total limit is reached, the
 * oldest entry of the address with the most entries ends. So a health check from the same address as an attacker still gets in.
 */
export class Places<T> {
  readonly #limits: PlaceLimits
  readonly #rules: PlaceRules<T>
  /** The entries of each client address, oldest first. */
  readonly #byAddress = new Map<string, Set<T>>()
  #taken = 0

  constructor(limits: PlaceLimits, rules: PlaceRules<T>) {
    this.#limits = limits
    this.#rules = rules
  }

  /**
   * Adds an entry, and ends an older one if a limit is reached.
   *
   * @returns a function that removes the entry. Calling it again does nothing.
   */
  enter(entry: T, remoteAddress: string | undefined): () => void {
    const address = networkOf(remoteAddress)
    const neighbours = this.#byAddress.get(address)
    if (neighbours && neighbours.size >= this.#limits.perAddress) this.#endOneOf(neighbours, address)
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

/**
 * Returns the network that a client address belongs to. For IPv4 that is the address itself, and for IPv6 the first 64 bits. One
 * machine may use every address of such an IPv6 network (RFC 4291, section 2.5.4).
 */
export function networkOf(address = ''): string {
  // If the address is IPv4, return it whole. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as IPv4 too.
  if (!address.includes(':') || address.includes('.')) return address.replace(/^::ffff:/i, '')
  const [before = '', after] = address.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after ? after.split(':') : []
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':')
}
