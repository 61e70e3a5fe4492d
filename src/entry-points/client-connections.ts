import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { descriptorOf, descriptors } from '../base/descriptors.js'
import type { LingeringClose } from '../engine/client/lingering-close.js'

/** A client's socket with the members that `node:http` adds to it. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly parser?: unknown
}

/** The open client connections of one server, by peer address. */
export class ClientConnections {
  readonly #byAddress = new Map<string, Set<ServedSocket>>()
  readonly #perAddress: number
  readonly #lingering: LingeringClose

  /**
   * @param perAddress `limits.connectionsPerAddress`
   * @param lingering the proxy's connections that close in stages. They have their answers, so they are closed first when file
   *   descriptors are short
   */
  constructor(perAddress: number, lingering: LingeringClose) {
    this.#perAddress = perAddress
    this.#lingering = lingering
  }

  /** Takes a new connection, or closes it if its address has too many. It is a listener of the server's event `connection`. */
  readonly enter = (socket: ServedSocket): void => {
    const { remoteAddress } = socket
    // A Unix socket has no peer address, so the limit does not apply to it.
    if (remoteAddress === undefined) return
    const sameAddress = this.#byAddress.get(remoteAddress) ?? new Set()
    if (sameAddress.size + 1 > this.#perAddress) {
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

  /** Closes the idle connections of the address with the most connections. @returns whether it closed any */
  closeIdle(newcomer?: Socket): boolean {
    let closed = 0
    for (const socket of this.#greediest()) {
      if (socket === newcomer || !isIdle(socket)) continue
      socket.destroy()
      closed += 1
    }
    return closed > 0
  }

  /** Frees file descriptors. Without a free one, the system closes the next new connection, and Node gets no event for it. */
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

/** Returns whether no request is under way on a socket. The socket of a tunnel has no parser any longer, so it is not idle. */
function isIdle({ _httpMessage, parser }: ServedSocket): boolean {
  return !_httpMessage && Boolean(parser)
}
