import { TLSSocket } from 'node:tls'
import { Client } from 'undici'
import { readBehindReset } from './answer-behind-reset.js'
import { setIdleLimit } from './client-idle-limit.js'
import type { ConnectionPlaces } from './connection-places.js'
import type { ConnectionSettings } from './connection-settings.js'
import { ConnectionSocket, connectionLost } from './connection-socket.js'
import { dispatchOptions } from './dispatch-options.js'
import { type EarlyHead, headOfRequest, sendHeadWithoutBody } from './early-head.js'
import type { RequestBytes } from './request-bytes.js'
import { SentRequest } from './sent-request.js'
import type { ResponseHandler, ServerConnection } from './server-connection.js'
import { lenientParser } from './undici-parser.js'

/** Callbacks for the changes of a connection. The `Upstream` that opened the connection implements them. */
export interface ConnectionListener {
  /**
   * Called when the connection can take the next request. A private connection takes only requests of its one client connection.
   */
  free(connection: Connection): void
  /** Called when no further request can be sent on the connection. */
  gone(connection: Connection): void
}

/**
 * Milliseconds that the server has to close its side of a connection, after the proxy closed the other. Then the proxy cuts it.
 */
const MAX_END_MS = 1_000

/** One connection to a server: an undici `Client` with one request under way at a time. */
export class Connection implements ServerConnection {
  readonly #settings: ConnectionSettings
  readonly #listener: ConnectionListener
  readonly #client: Client
  readonly #socket: ConnectionSocket<Connection>
  #isConnected = false
  /** Whether no request is under way on the connection. A byte that arrives then belongs to no response. */
  #isIdle = false
  #isPrivate = false
  #isNeeded: () => boolean = () => false
  /** Whether the proxy has closed its side of the connection, and waits until the server closes the other side. */
  #isEnding = false
  #hasRead = false
  #endsAfterUse = false
  #onEnd: (() => void) | undefined

  /**
   * Creates a connection.
   *
   * @param hasPlace whether the connection limit already counts this connection; if not, it waits until the limit has room for it
   */
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
      if (this.#socket.current) lenientParser(this.#socket.current)
    })
    this.#client.on('disconnect', () => this.#disconnected())
    // undici emits `drain` when the last request has ended and the client can take the next one.
    this.#client.on('drain', () => this.#drained())
  }

  readonly #onOld = (): void => {
    if (this.#isIdle && (!this.#isPrivate || this.canGiveWay)) this.end()
  }

  /**
   * Whether the connection has reached its age limit. It then gets only requests of a client that can use no other connection.
   */
  get isOld(): boolean {
    return this.#socket.isOld
  }

  // Ends an idle connection as soon as the server sends any byte. undici itself would skip empty lines and wait for other bytes.
  readonly #onReadable = (): void => {
    const { current } = this.#socket
    if (!current || current.readableLength === 0) return
    if (this.#isIdle) this.end()
    else this.#hasRead = true
  }

  /** The object that counts the connection's socket: the connection limit of one backend at one server. */
  get places(): ConnectionPlaces<Connection> {
    return this.#socket.places
  }

  /** Makes the open connection count against the connection limit of another backend. */
  moveTo(places: ConnectionPlaces<Connection>): void {
    this.#socket.moveTo(places)
  }

  /** Sends a request. Reports every outcome, also an error, to the handler, and therefore never throws. */
  dispatch(request: RequestBytes, handler: ResponseHandler): void {
    this.#isIdle = false
    const reset = this.#endsAfterUse || (this.#isPrivate ? false : null)
    const head = headOfRequest(request, reset ?? request.method === 'HEAD')
    const options = dispatchOptions(request, this.#settings.url.hostname, reset)
    this.#client.dispatch(options, new SentRequest(this, handler, request, head))
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

  /** Whether this connection of a single client may be closed to make room for another. The client then has to log in again. */
  get canGiveWay(): boolean {
    return this.#isPrivate && this.#isIdle && !this.#isNeeded()
  }

  endAfterUse(): void {
    this.#endsAfterUse = true
  }

  written(head: EarlyHead | undefined): void {
    this.#isIdle = false
    this.#hasRead = false
    const { current } = this.#socket
    if (!head || !current) return
    readBehindReset(current)
    sendHeadWithoutBody(current, head)
  }

  answered(mayBeFollowed: boolean, hadBody: boolean): void {
    this.#isIdle = true
    if (this.#endsAfterUse) this.end()
    // Keep the connection if no unexpected body can follow the response. On a private connection, only the same client could get
    // it.
    else if (!mayBeFollowed || this.#isPrivate) return
    else if (this.places.isLimited) this.#endTogether()
    else this.#endHard(hadBody)
  }

  /**
   * Closes the proxy's side of the connection, and waits until the server has closed the other side. Only then may another
   * connection be opened under the limit. Otherwise a server that notices the end late would have more connections than its
   * limit.
   */
  #endTogether(): void {
    this.#isEnding = true
    this.#socket.current?.end()
    setTimeout(() => this.end(), MAX_END_MS).unref()
  }

  /**
   * Resets the connection, which frees its local port at once. After a normal close, the operating system keeps the port for a
   * minute. With 28,000 local ports, that would allow at most 470 such connections a second.
   */
  #endHard(hadBody: boolean): void {
    // Reset only if the request had no body: a server that responded early may still be reading it. A TLS socket cannot be reset.
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
    // End the connection, unless undici opens a new socket for a request that came while the server closed the old one. Without
    // such a request, undici emits `drain`, which also ends the connection. A private connection gets no new socket, since that
    // socket would not be authenticated. An idle connection is replaced when a request needs one.
    if (this.#isPrivate || this.#endsAfterUse || this.#isIdle) this.end()
  }

  end(): void {
    this.#listener.gone(this)
    if (!this.#isIdle && !this.isBroken) this.#socket.wasCut = true
    this.#ended()
    this.#socket.leaveUnused()
    // If the connection served only one client, a request that has not been sent yet fails with the error of `connectionLost`.
    void this.#destroyClient(this.#isPrivate ? connectionLost() : null)
  }

  close(): Promise<void> {
    return this.#client.close().finally(() => this.#ended())
  }

  /** Cuts the connection at once. The request under way on it fails. */
  destroy(): Promise<void> {
    this.#ended()
    this.#socket.leaveUnused()
    return this.#destroyClient(null)
  }

  /** Destroys the undici client, and aborts the opening of a socket for it. */
  #destroyClient(reason: Error | null): Promise<void> {
    const destroyed = this.#client.destroy(reason)
    this.#socket.giveUp(reason)
    return destroyed
  }

  #ended(): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.()
  }
}
