import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { descriptorOf, descriptors } from '../base/descriptors.js'
import type { LingeringClose } from '../engine/client/lingering-close.js'

/** What node:http adds to a socket that it serves. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly parser?: unknown
}

/** The open connections of one listener, by the client's address. */
export class ClientConnections {
  readonly #byAddress = new Map<string, Set<ServedSocket>>()
  readonly #perAddress: number
  readonly #lingering: LingeringClose

  /**
   * @param perAddress `limits.connectionsPerAddress`
   * @param lingering of the proxy: they have their answers, so they go first when descriptors are short
   */
  constructor(perAddress: number, lingering: LingeringClose) {
    this.#perAddress = perAddress
    this.#lingering = lingering
  }

  /** For the event `connection`: takes one on, or closes it. */
  readonly enter = (socket: ServedSocket): void => {
    const { remoteAddress } = socket
    // A Unix socket has no address to count by.
    if (remoteAddress === undefined) return
    const mates = this.#byAddress.get(remoteAddress) ?? new Set()
    if (mates.size + 1 > this.#perAddress) {
      socket.destroy()
      return
    }
    this.#byAddress.set(remoteAddress, mates.add(socket))
    socket.on('close', () => {
      mates.delete(socket)
      if (mates.size === 0) this.#byAddress.delete(remoteAddress)
    })
    if (descriptorOf(socket) >= descriptors().forClients) this.#makeRoomFor(socket, mates)
  }

  /** Closes connections without a request, of the address with the most. @returns whether there were any */
  closeIdle(newcomer?: Socket): boolean {
    let closed = 0
    for (const socket of this.#greediest()) {
      if (socket === newcomer || !isIdle(socket)) continue
      socket.destroy()
      closed += 1
    }
    return closed > 0
  }

  /** With none left, the system would close whichever comes next, and Node would not be told. */
  #makeRoomFor(newcomer: ServedSocket, mates: ReadonlySet<ServedSocket>): void {
    if (this.#lingering.destroyAll()) return
    const isGreediest = this.#greediest() === mates
    if (!this.closeIdle(newcomer) && isGreediest) newcomer.destroy()
  }

  #greediest(): ReadonlySet<ServedSocket> {
    let most: ReadonlySet<ServedSocket> = new Set()
    for (const sockets of this.#byAddress.values()) if (sockets.size > most.size) most = sockets
    return most
  }
}

/** Whether no request is under way on it. A tunnel has lost its parser. */
function isIdle({ _httpMessage, parser }: ServedSocket): boolean {
  return !_httpMessage && Boolean(parser)
}
