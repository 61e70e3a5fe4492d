import { ProxyError } from '../model/errors.js'
import type { Exchange } from './exchange.js'
import type { InFlight } from './in-flight.js'
import { toProxyError } from './upstream/failures.js'
import { isShortageOfOneServer } from './upstream/shortage.js'
import type { Upstreams } from './upstream/upstreams.js'

/** How often the proxy closes other connections for one request. */
const MAX_SHORTAGES = 3

/**
 * Frees a file descriptor for a request that found none for its connection to a server. Idle connections close first. Then the
 * proxy ends a request of the client address with the most requests in flight, since that client has caused the shortage.
 */
export class LoadShedding {
  readonly #inFlight: InFlight
  readonly #upstreams: Upstreams
  /** Closes idle client connections. `createProxy` sets this. @returns whether there were any */
  closeIdleClients: () => boolean = () => false

  constructor(inFlight: InFlight, upstreams: Upstreams) {
    this.#inFlight = inFlight
    this.#upstreams = upstreams
  }

  /**
   * Frees a file descriptor, if the request has failed because there was none.
   *
   * @param again sends the request once more. It is called in the next turn of the event loop, when the connections have closed.
   * @returns false if the request has to end
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
    if (!isOurs || !mayBeSent || exchange.shortages >= MAX_SHORTAGES) return false
    exchange.shortages += 1
    // Connections that are being closed in stages go first, since their clients have their responses.
    if (this.#inFlight.lingering.destroyAll()) return true
    const closedServers = this.#upstreams.closeIdle()
    const closedClients = this.closeIdleClients()
    if (closedServers || closedClients) return true
    const payer = this.#newestOfGreediest(exchange)
    payer?.end(new ProxyError('PROXY_OUT_OF_RESOURCES'))
    return payer !== undefined
  }

  /**
   * Returns the newest request of the client address with the most requests in flight. Returns `undefined` if no address has more
   * than the request's own.
   */
  #newestOfGreediest({ clientAddress }: Exchange): Exchange | undefined {
    const byAddress = new Map<string, { count: number; newest: Exchange | undefined }>()
    for (const exchange of this.#inFlight.exchanges) {
      const seen = byAddress.get(exchange.clientAddress) ?? { count: 0, newest: undefined }
      byAddress.set(exchange.clientAddress, seen)
      seen.count += 1
      // Only a request that was sent to a server has a file descriptor to give.
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
