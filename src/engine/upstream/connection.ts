import { TLSSocket } from 'node:tls'
import { Client, type Dispatcher } from 'undici'
import { ProxyError } from '../../model/errors.js'
import { readBehindReset } from './answer-behind-reset.js'
import { allowBlanksBehindChunkSizes } from './blanks-behind-chunk-sizes.js'
import { setIdleLimit } from './client-idle-limit.js'
import type { ConnectionPlaces } from './connection-places.js'
import type { ConnectionSettings } from './connection-settings.js'
import { ConnectionSocket, connectionLost } from './connection-socket.js'
import {
  type RequestBytes,
  type ResponseHandler,
  SentRequest,
  type ServerConnection,
} from './sent-request.js'

/** Receives the changes of a connection. The upstream that made the connection implements it. */
export interface ConnectionListener {
  /** The connection can take the next request. A private connection takes only requests of its own client. */
  free(connection: Connection): void
  /** No further request can be sent on the connection. */
  gone(connection: Connection): void
}

/** Milliseconds that a server has to close a connection after the proxy has closed its own side. */
const MAX_END_MS = 1_000

/** One connection to a server: an undici `Client` with one request under way at a time. */
export class Connection implements ServerConnection {
  readonly #settings: ConnectionSettings
  readonly #listener: ConnectionListener
  readonly #client: Client
  readonly #socket: ConnectionSocket<Connection>
  #isConnected = false
  /** Whether no request is under way. A byte that arrives then belongs to no response. */
  #isIdle = false
  #isPrivate = false
  #isNeeded: () => boolean = () => false
  /** Whether the proxy has closed its side, and waits for the server to close the other. */
  #isEnding = false
  #hasRead = false
  #endsAfterUse = false
  #onEnd: (() => void) | undefined

  /** @param hasPlace whether a place under the connection limit is taken. Otherwise the connection waits for one. */
  constructor(
    settings: ConnectionSettings,
    listener: ConnectionListener,
    places: ConnectionPlaces<Connection>,
    hasPlace: boolean,
  ) {
    this.#settings = settings
    this.#listener = listener
    const socketListener = {
      isDestroyed: () => this.#client.destroyed,
      onReadable: this.#onReadable,
      onOld: this.#onOld,
    }
    this.#socket = new ConnectionSocket(settings, socketListener, places, hasPlace)
    this.#client = new Client(settings.url, { ...settings.client, connect: this.#socket.connect })
    this.#client.on('connect', () => {
      this.#isConnected = true
      if (this.#socket.current) allowBlanksBehindChunkSizes(this.#socket.current)
    })
    this.#client.on('disconnect', () => this.#disconnected())
    // undici emits `drain` when the last request has ended and it can take the next one.
    this.#client.on('drain', () => this.#drained())
  }

  readonly #onOld = (): void => {
    if (this.#isIdle && (!this.#isPrivate || this.canGiveWay)) this.end()
  }

  /** Whether the connection has reached its age limit. It then gets only requests of a client that needs this connection. */
  get isOld(): boolean {
    return this.#socket.isOld
  }

  // undici ends an idle connection at the first byte of a response, but it skips empty lines. This ends it at any byte.
  readonly #onReadable = (): void => {
    const { current } = this.#socket
    if (!current || current.readableLength === 0) return
    if (this.#isIdle) this.end()
    else this.#hasRead = true
  }

  /** The places that count this connection: the connection limit of one backend at one server. */
  get places(): ConnectionPlaces<Connection> {
    return this.#socket.places
  }

  /** Makes the open connection count for another backend. */
  moveTo(places: ConnectionPlaces<Connection>): void {
    this.#socket.moveTo(places)
  }

  /** Sends a request. The handler is told every outcome, so this function never throws. */
  dispatch(request: RequestBytes, handler: ResponseHandler): void {
    this.#isIdle = false
    this.#client.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: request.path,
        headers: request.headers,
        body: request.body as Dispatcher.DispatchOptions['body'],
        upgrade: request.upgrade,
        // Without it, undici would check the server's certificate against the client's Host header.
        servername: this.#settings.url.hostname,
        // With null, undici decides. It closes the connection after a HEAD, because a faulty server may send a body.
        reset: this.#endsAfterUse || (this.#isPrivate ? false : null),
        // Requests are never pipelined, so undici need not hold back the next one until the head of a response.
        blocking: false,
      } as Dispatcher.DispatchOptions,
      new SentRequest(this, handler, request),
    )
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  get isOpen(): boolean {
    return !this.#isEnding && !this.#client.destroyed && !this.#client.closed
  }

  get isPrivate(): boolean {
    return this.#isPrivate
  }

  get isBroken(): boolean {
    return this.#socket.current?.destroyed !== false
  }

  get hasRead(): boolean {
    return this.#hasRead
  }

  makePrivate(onEnd: () => void, isNeeded: () => boolean): void {
    this.#isPrivate = true
    this.#isNeeded = isNeeded
    this.#onEnd = onEnd
    setIdleLimit(this.#client, this.#settings.privateIdleMs)
  }

  /** Whether a private connection may end to make room for another. Its client then has to log in again. */
  get canGiveWay(): boolean {
    return this.#isPrivate && this.#isIdle && !this.#isNeeded()
  }

  endAfterUse(): void {
    this.#endsAfterUse = true
  }

  written(streamsBody: boolean): void {
    this.#isIdle = false
    this.#hasRead = false
    const { current } = this.#socket
    if (streamsBody && current) readBehindReset(current)
  }

  answered(mayBeFollowed: boolean, hadBody: boolean): void {
    this.#isIdle = true
    if (this.#endsAfterUse) this.end()
    // A faulty server may send a body after a response without one. On a private connection, only the same client gets it.
    else if (!mayBeFollowed || this.#isPrivate) return
    else if (this.places.isLimited) this.#endTogether()
    else this.#endHard(hadBody)
  }

  /**
   * Closes the proxy's side, and waits until the server has closed the other. Only then may another connection take the place.
   * Otherwise a server that is slow to notice the end would have more connections than its limit.
   */
  #endTogether(): void {
    this.#isEnding = true
    this.#socket.current?.end()
    setTimeout(() => this.end(), MAX_END_MS).unref()
  }

  /**
   * Resets the connection, which frees its local port at once. After a normal close, the system keeps the port for a minute.
   * With 28,000 local ports, that would allow at most 470 such connections a second.
   */
  #endHard(hadBody: boolean): void {
    // A server that responded early may still be reading the request's body. A TLS socket cannot be reset.
    const { current } = this.#socket
    if (!hadBody && current && !(current instanceof TLSSocket)) current.resetAndDestroy()
    this.end()
  }

  #drained(): void {
    if (!this.#isConnected || this.#endsAfterUse) this.end()
    else if (this.isOpen) this.#listener.free(this)
  }

  #disconnected(): void {
    this.#isConnected = false
    this.#socket.disconnected()
    // A private connection cannot be replaced: a new one would not be authenticated. An idle one is replaced when a request
    // needs it. Otherwise a request may have come while the server closed the connection, and undici connects again for it.
    // Without such a request, undici emits `drain`.
    if (this.#isPrivate || this.#endsAfterUse || this.#isIdle) this.end()
  }

  end(): void {
    this.#listener.gone(this)
    if (!this.#isIdle && !this.isBroken) this.#socket.wasCut = true
    this.#ended()
    this.#socket.leaveUnused()
    // A request that still waits on a private connection fails with this error. It was not sent.
    void this.#destroyClient(this.#isPrivate ? connectionLost() : null)
  }

  close(): Promise<void> {
    return this.#client.close().finally(() => this.#ended())
  }

  /** Cuts the connection, and the request under way with it. */
  destroy(): Promise<void> {
    this.#ended()
    this.#socket.leaveUnused()
    return this.#destroyClient(null)
  }

  /** Destroys the undici client, and gives up the socket that is being opened for it. */
  #destroyClient(reason: Error | null): Promise<void> {
    const destroyed = this.#client.destroy(reason)
    this.#socket.giveUp(reason ?? new ProxyError('PROXY_CLOSED'))
    return destroyed
  }

  #ended(): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.()
  }
}
