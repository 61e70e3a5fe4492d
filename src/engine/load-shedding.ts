import { ProxyError } from '../model/errors.js'
import type { Exchange } from './exchange.js'
import type { InFlight } from './in-flight.js'
import { toProxyError } from './upstream/failures.js'
import { isShortageOfOneServer } from './upstream/shortage.js'
import type { Upstreams } from './upstream/upstreams.js'

/** How many times the proxy closes other connections to free a file descriptor for the same request. */
const MAX_SHORTAGES = 3

/**
 * Frees a file descriptor for a request that found none for its connection to a server. Idle connections are closed first. If
 * none is idle, the client address with the most requests in flight loses a request, because it has caused the shortage.
 */
export class LoadShedding {
  readonly #inFlight: InFlight
  readonly #upstreams: Upstreams
  /** Closes idle client connections. `createProxy` sets this function. @returns whether it closed any */
  closeIdleClients: () => boolean = () => false

  constructor(inFlight: InFlight, upstreams: Upstreams) {
    this.#inFlight = inFlight
    this.#upstreams = upstreams
  }

  /**
   * If the request has failed because no file descriptor was free, closes other connections and sends the request again.
   *
   * @param again sends the request. It is called in the next turn of the event loop, when the other connections have closed.
   * @returns false if nothing could be closed, so that the request fails
   */
  makeRoomFor(exchange: Exchange, error: ProxyError, again: () => void): boolean {
    if (!this.#makesRoom(exchange, error)) return false
    setImmediate(() => {
      if (exchange.clientLeft || exchange.error) return
      try {
        again()
      } catch (thrown) {
        exchange.end(toProxyError(thrown))
      }
    })
    return true
  }

  #makesRoom(exchange: Exchange, error: ProxyError): boolean {
    const isOurs = error.code === 'PROXY_OUT_OF_RESOURCES' && !isShortageOfOneServer(error.cause)
    const mayBeSent = exchange.bodyUntouched && !exchange.newest?.sent && exchange.server !== undefined
    if (!isOurs || !mayBeSent || exchange.tries.shortages >= MAX_SHORTAGES) return false
    exchange.tries.shortages += 1
    // First close connections that are being closed in stages anyway, because their clients already have their responses.
    if (this.#inFlight.lingering.destroyAll()) return true
    const closedServers = this.#upstreams.closeIdle()
    const closedClients = this.closeIdleClients()
    if (closedServers || closedClients) return true
    const payer = this.#newestOfGreediest(exchange)
    payer?.end(new ProxyError('PROXY_OUT_OF_RESOURCES'))
    return payer !== undefined
  }

  /**
   * Returns the newest request of the client address with the most requests in flight. Returns `undefined` if no other address
   * has more requests than the address of the given exchange.
   */
  #newestOfGreediest({ clientAddress }: Exchange): Exchange | undefined {
    const byAddress = new Map<string, { count: number; newest: Exchange | undefined }>()
    for (const exchange of this.#inFlight.exchanges) {
      const seen = byAddress.get(exchange.clientAddress) ?? { count: 0, newest: undefined }
      byAddress.set(exchange.clientAddress, seen)
      seen.count += 1
      // Only consider a request that was sent to a server. Ending any other request would free no file descriptor.
      const holds = exchange.newest?.sent && !exchange.error
      if (holds && exchange.startedAt >= (seen.newest?.startedAt ?? 0)) seen.newest = exchange
    }
    let most = byAddress.get(clientAddress)?.count ?? 0
    let payer: Exchange | undefined
    for (const { count, newest } of byAddress.values()) {
      if (count <= most || !newest) continue
      most = count
      payer = newest
    }
    return payer
  }
}
