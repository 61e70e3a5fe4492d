import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { ProxyError } from '../../model/errors.js'
import { beginAge } from './connection-age.js'
import type { ConnectionPlaces } from './connection-places.js'
import type { ConnectionSettings } from './connection-settings.js'

/** Callbacks for the events of a socket. The `Connection` that uses the socket provides them. */
export interface SocketListener {
  /** Returns whether the connection has ended, and therefore needs no socket. */
  readonly isDestroyed: () => boolean
  /** Called when the server has sent bytes that can be read, or has ended its side. */
  readonly onReadable: () => void
  /** Called when the socket has reached its age limit. */
  readonly onOld: () => void
}

/**
 * Opens the sockets of one connection to a server, one at a time, within the connection limit of the backend. After a socket has
 * closed, undici may open another one for the same connection.
 *
 * @typeParam Connection the type of the connections that `ConnectionPlaces` hands out
 */
export class ConnectionSocket<Connection> {
  /** The open socket. Undefined before it opens and after undici has closed it. */
  current: Socket | undefined
  /** Whether the proxy ended the connection in the middle of a request. The server may notice such an end late. */
  wasCut = false
  readonly #settings: ConnectionSettings
  readonly #listener: SocketListener
  #places: ConnectionPlaces<Connection>
  /** Whether the connection limit already counts the first socket, which has not begun to open. */
  #hasPlace: boolean
  /** Aborts the opening of a socket. Undefined while no socket is being opened. */
  #giveUp: ((reason: Error) => void) | undefined
  #isOld = false
  /** The timer of the socket's age limit. */
  #age: NodeJS.Timeout | undefined

  /**
   * Creates the object without a socket. undici opens the first socket by `connect`.
   *
   * @param hasPlace whether the connection limit already counts the first socket. Otherwise `connect` waits until the limit
   *   allows it.
   */
  constructor(
    settings: ConnectionSettings,
    listener: SocketListener,
    places: ConnectionPlaces<Connection>,
    hasPlace: boolean,
  ) {
    this.#settings = settings
    this.#listener = listener
    this.#places = places
    this.#hasPlace = hasPlace
  }

  /** Opens a socket for undici, as soon as the connection limit allows one more socket. */
  readonly connect: buildConnector.connector = (options, callback) => {
    const refuse = (error: Error) => callback(error, null)
    const begin = () => this.#connectNow(options, callback)
    // If the connection limit does not count the socket yet, the socket may have to wait. For example, undici opens a second
    // socket for a request that came while the server closed the first one.
    if (!this.#hasPlace) return void this.#places.take({ begin, refuse })
    this.#hasPlace = false
    begin()
  }

  readonly #connectNow: buildConnector.connector = (options, callback) => {
    const leave = () => {
      clearTimeout(this.#age)
      this.#places.leave(this.wasCut)
    }
    // If the connection ended while its socket waited for the connection limit, open no socket. undici then ignores the error.
    if (this.#listener.isDestroyed()) {
      leave()
      return callback(connectionLost(), null)
    }
    this.#giveUp = this.#settings.connect(options, (error, socket) => {
      this.#giveUp = undefined
      if (error) {
        leave()
        return callback(error, null)
      }
      socket.once('close', leave)
      this.#age = beginAge(this.#settings.ageMs, this.#grownOld)
      this.current = socket
      socket.on('readable', this.#listener.onReadable)
      callback(null, socket)
    })
  }

  readonly #grownOld = (): void => {
    this.#isOld = true
    this.#listener.onOld()
  }

  /** Whether the socket has reached its age limit. */
  get isOld(): boolean {
    return this.#isOld
  }

  /** The object that counts this socket: the connection limit of one backend at one server. */
  get places(): ConnectionPlaces<Connection> {
    return this.#places
  }

  /** Makes the open socket count against the connection limit of another backend. */
  moveTo(places: ConnectionPlaces<Connection>): void {
    places.enter()
    this.#places.leave()
    this.#places = places
  }

  /** Forgets the socket and its age. Called when undici has closed the socket. */
  disconnected(): void {
    clearTimeout(this.#age)
    this.#isOld = false
    this.current?.off('readable', this.#listener.onReadable)
    this.current = undefined
  }

  /** Aborts the opening of a socket. Otherwise the try could outlive its connection by up to `timeouts.connectMs`. */
  giveUp(reason: Error | null | undefined): void {
    this.#giveUp?.(reason ?? new ProxyError('PROXY_CLOSED'))
  }

  /** Stops counting the first socket against the connection limit, if that socket has never begun to open. */
  leaveUnused(): void {
    if (this.#hasPlace) this.#places.leave()
    this.#hasPlace = false
  }
}

/** Returns the error of a request that can only be sent on one authenticated connection, after that connection has ended. */
export function connectionLost(): ProxyError {
  return new ProxyError('PROXY_UPSTREAM_RESET', 'the connection that the client had authenticated has ended')
}
