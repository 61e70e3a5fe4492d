import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { ProxyError } from '../../model/errors.js'
import { beginAge } from './connection-age.js'
import type { ConnectionPlaces } from './connection-places.js'
import type { ConnectionSettings } from './connection-settings.js'

/** Receives what happens to a socket. The connection of that socket provides it. */
export interface SocketListener {
  /** Returns whether the connection has ended, so it needs no socket. */
  readonly isDestroyed: () => boolean
  /** The socket has bytes to read, or its end. */
  readonly onReadable: () => void
  /** The socket has reached its age limit. */
  readonly onOld: () => void
}

/**
 * Opens the socket of one connection to a server, under the connection limit of its backend. When the socket has closed, undici
 * may open another one, so this class has one socket at a time.
 *
 * @typeParam Connection the connection that the places are for
 */
export class ConnectionSocket<Connection> {
  /** The open socket. Undefined before it opens and after undici has closed it. */
  current: Socket | undefined
  /** Whether the proxy ended the connection in the middle of a request. The server notices that only later. */
  wasCut = false
  readonly #settings: ConnectionSettings
  readonly #listener: SocketListener
  #places: ConnectionPlaces<Connection>
  /** Whether a place under the connection limit is taken for the first socket, which has not begun to open. */
  #hasPlace: boolean
  /** Gives up the socket that is being opened. */
  #giveUp: ((reason: Error) => void) | undefined
  #isOld = false
  /** The timer of the age limit. */
  #age: NodeJS.Timeout | undefined

  /** @param hasPlace whether a place under the connection limit is taken. Otherwise the socket waits for one when it opens. */
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

  /** Opens a socket for undici, as soon as the connection limit has a place for it. */
  readonly connect: buildConnector.connector = (options, callback) => {
    const refuse = (error: Error) => callback(error, null)
    const begin = () => this.#connectNow(options, callback)
    // undici opens a second socket for a request that came while the server closed the first. It needs another place.
    if (!this.#hasPlace) return void this.#places.take({ begin, refuse })
    this.#hasPlace = false
    begin()
  }

  readonly #connectNow: buildConnector.connector = (options, callback) => {
    const leave = () => {
      clearTimeout(this.#age)
      this.#places.leave(this.wasCut)
    }
    // The connection ended while it waited for a place. undici ignores the error.
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

  /** The places that count this socket: the connection limit of one backend at one server. */
  get places(): ConnectionPlaces<Connection> {
    return this.#places
  }

  /** Makes the open socket count for another backend. */
  moveTo(places: ConnectionPlaces<Connection>): void {
    places.enter()
    this.#places.leave()
    this.#places = places
  }

  /** Notes that undici has closed the socket. */
  disconnected(): void {
    clearTimeout(this.#age)
    this.#isOld = false
    this.current?.off('readable', this.#listener.onReadable)
    this.current = undefined
  }

  /** Gives up a socket that is being opened. It would otherwise outlive its connection by up to `connectMs`. */
  giveUp(reason: Error): void {
    this.#giveUp?.(reason)
  }

  /** Gives back the place under the connection limit, if it was taken but never used. */
  leaveUnused(): void {
    if (this.#hasPlace) this.#places.leave()
    this.#hasPlace = false
  }
}

/** Returns the error of a request whose connection has ended, and which no other connection can carry. */
export function connectionLost(): ProxyError {
  return new ProxyError('PROXY_UPSTREAM_RESET', 'the connection that the client had authenticated has ended')
}
