import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { descriptorOf, descriptors } from '../base/descriptors.js'
import type { LingeringClose } from '../engine/client/http1/lingering-close.js'

/** A client's socket with the members that `node:http` adds to it. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly parser?: unknown
}

/** The open client connections of one HTTP server, grouped by peer address. */
export class ClientConnections {
  readonly #byAddress = new Map<string, Set<ServedSocket>>()
  /** Maximum number of connections of one peer address: `limits.connectionsPerAddress`. Open connections stay if it shrinks. */
  perAddress: number
  readonly #lingering: LingeringClose

  /**
   * Creates the object without connections.
   *
   * @param perAddress maximum number of connections of one peer address: `limits.connectionsPerAddress`
   * @param lingering the proxy's connections that are closing in stages. Their clients have
   *   their responses, so these connections are closed first when file descriptors are short
   */
  constructor(perAddress: number, lingering: LingeringClose) {
    this.perAddress = perAddress
    this.#lingering = lingering
  }

  /**
   * Registers a new connection, or closes it if the peer address has
   * too many. It is a listener of the server's `connection` event.
   */
  readonly enter = (socket: ServedSocket): void => {
    const { remoteAddress } = socket
    // If the socket has no peer address, as on a Unix socket, the limit does not apply.
    if (remoteAddress === undefined) return
    const sameAddress = this.#byAddress.get(remoteAddress) ?? new Set()
    if (sameAddress.size + 1 > this.perAddress) {
      socket.destroy()
      return
    }
    this.#byAddress.set(remoteAddress, sameAddress.add(socket))
    socket.on('close', () => {
      sameAddress.delete(socket)
      if (sameAddress.size === 0) this.#byAddress.delete(remoteAddress)
    })
    if (descriptorOf(socket) >= descriptors().forClients) this.#makeRoomFor(socket, sameAddress)
  }

  /**
   * Closes the idle connections of the peer address with the most connections, except `newcomer`.
   *
   * @returns whether it closed any connection
   */
  closeIdle(newcomer?: Socket): boolean {
    let closed = 0
    for (const socket of this.#greediest()) {
      if (socket === newcomer || !isIdle(socket)) continue
      socket.destroy()
      closed += 1
    }
    return closed > 0
  }

  /**
   * Closes connections to free file descriptors. Without a free one, the operating
   * system closes the next new connection, and Node gets no event for it.
   */
  #makeRoomFor(newcomer: ServedSocket, sameAddress: ReadonlySet<ServedSocket>): void {
    if (this.#lingering.destroyAll()) return
    const isGreediest = this.#greediest() === sameAddress
    if (!this.closeIdle(newcomer) && isGreediest) newcomer.destroy()
  }

  #greediest(): ReadonlySet<ServedSocket> {
    let most: ReadonlySet<ServedSocket> = new Set()
    for (const sockets of this.#byAddress.values()) if (sockets.size > most.size) most = sockets
    return most
  }
}

/**
 * Returns whether no request is in progress on a client's socket. The
 * socket of a tunnel no longer has an HTTP parser, so it is not idle.
 */
function isIdle({ _httpMessage, parser }: ServedSocket): boolean {
  return !_httpMessage && Boolean(parser)
}
