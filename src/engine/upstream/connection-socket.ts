import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { ProxyError } from '../../model/errors.js'
import { beginAge } from './connection-age.js'
import type { ConnectionPlaces } from './connection-places.js'
import type { ConnectionSettings } from './connection-settings.js'

/** What a connection is asked about, and told of, its socket. */
export interface SocketListener {
  /** Whether the connection was ended, so that it needs no socket. */
  readonly isDestroyed: () => boolean
  /** Bytes have come, or the end. */
  readonly onReadable: () => void
  /** The time in which the socket gets requests is over. */
  readonly onOld: () => void
}

/**
 * The socket of one connection to a server, from its place to its close. undici may close it and make another, so one stands at
 * a time.
 *
 * @typeParam Owner the connection, as its places know it
 */
export class ConnectionSocket<Owner> {
  /** The one that stands. */
  current: Socket | undefined
  /** It ended from our side in the middle of a request: the server learns of it by and by. */
  wasCut = false
  readonly #settings: ConnectionSettings
  readonly #listener: SocketListener
  #places: ConnectionPlaces<Owner>
  /** Whether a place for its first socket was taken before, and not used yet. */
  #hasPlace: boolean
  /** Gives up what is being connected. */
  #giveUp: ((reason: Error) => void) | undefined
  #isOld = false
  /** From its making to the end of the time in which it gets requests. */
  #age: NodeJS.Timeout | undefined

  /** @param hasPlace whether one of `places` was taken for it; else it waits for one when it connects */
  constructor(
    settings: ConnectionSettings,
    listener: SocketListener,
    places: ConnectionPlaces<Owner>,
    hasPlace: boolean,
  ) {
    this.#settings = settings
    this.#listener = listener
    this.#places = places
    this.#hasPlace = hasPlace
  }

  readonly connect: buildConnector.connector = (options, callback) => {
    const refuse = (error: Error) => callback(error, null)
    const begin = () => this.#connectNow(options, callback)
    // undici connects once more for the request that came as the server closed the socket: that needs another place.
    if (!this.#hasPlace) return void this.#places.take({ begin, refuse })
    this.#hasPlace = false
    begin()
  }

  readonly #connectNow: buildConnector.connector = (options, callback) => {
    const leave = () => {
      clearTimeout(this.#age)
      this.#places.leave(this.wasCut)
    }
    // It was ended while it waited. undici makes nothing of what it is told then.
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

  get isOld(): boolean {
    return this.#isOld
  }

  /** Where it counts. */
  get places(): ConnectionPlaces<Owner> {
    return this.#places
  }

  /** It stands, and counts for others from here on. */
  moveTo(places: ConnectionPlaces<Owner>): void {
    places.enter()
    this.#places.leave()
    this.#places = places
  }

  /** undici has closed it. */
  disconnected(): void {
    clearTimeout(this.#age)
    this.#isOld = false
    this.current?.off('readable', this.#listener.onReadable)
    this.current = undefined
  }

  /** What is being connected would outlive its client, by up to `connectMs`. */
  giveUp(reason: Error): void {
    this.#giveUp?.(reason)
  }

  leaveUnused(): void {
    if (this.#hasPlace) this.#places.leave()
    this.#hasPlace = false
  }
}

/** The error of a request whose connection has ended, where another one will not do. */
export function connectionLost(): ProxyError {
  return new ProxyError('PROXY_UPSTREAM_RESET', 'the connection that the client had authenticated has ended')
}
