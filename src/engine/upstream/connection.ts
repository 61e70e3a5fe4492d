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

/** What its connections are to the upstream that made them. */
export interface ConnectionListener {
  /** It can take the next request: anybody's, or, if it is private, its client's. */
  free(connection: Connection): void
  /** Nothing can be sent on it any more. */
  gone(connection: Connection): void
}

/** How long a server may take to end a connection, too. */
const MAX_END_MS = 1_000

/** One connection to a server: a client of undici's, with one request under way at a time. */
export class Connection implements ServerConnection {
  readonly #settings: ConnectionSettings
  readonly #listener: ConnectionListener
  readonly #client: Client
  readonly #socket: ConnectionSocket<Connection>
  #isConnected = false
  /** No request is under way: a byte that comes now belongs to none. */
  #isIdle = false
  #isPrivate = false
  #isNeeded: () => boolean = () => false
  /** The server is asked to close it. */
  #isEnding = false
  #hasRead = false
  #endsAfterUse = false
  #onEnd: (() => void) | undefined

  /** @param hasPlace whether one of `places` was taken for it; else it waits for one when it connects */
  constructor(
    settings: ConnectionSettings,
    listener: ConnectionListener,
    places: ConnectionPlaces<Connection>,
    hasPlace: boolean,
  ) {
    this.#settings = settings
    this.#listener = listener
    const ofSocket = {
      isDestroyed: () => this.#client.destroyed,
      onReadable: this.#onReadable,
      onOld: this.#onOld,
    }
    this.#socket = new ConnectionSocket(settings, ofSocket, places, hasPlace)
    this.#client = new Client(settings.url, { ...settings.client, connect: this.#socket.connect })
    this.#client.on('connect', () => {
      this.#isConnected = true
      if (this.#socket.current) allowBlanksBehindChunkSizes(this.#socket.current)
    })
    this.#client.on('disconnect', () => this.#disconnected())
    // undici says so when it can take a request: the last one has ended.
    this.#client.on('drain', () => this.#drained())
  }

  readonly #onOld = (): void => {
    if (this.#isIdle && (!this.#isPrivate || this.canGiveWay)) this.end()
  }

  /** Whether it gets no further request, but one of its own client's that is needed on it. */
  get isOld(): boolean {
    return this.#socket.isOld
  }

  // undici ends an idle connection at the first byte of a response, but reads over empty lines.
  readonly #onReadable = (): void => {
    const { current } = this.#socket
    if (!current || current.readableLength === 0) return
    if (this.#isIdle) this.end()
    else this.#hasRead = true
  }

  /** Where it counts. */
  get places(): ConnectionPlaces<Connection> {
    return this.#socket.places
  }

  /** It stands, and counts for others from here on. */
  moveTo(places: ConnectionPlaces<Connection>): void {
    this.#socket.moveTo(places)
  }

  /** Sends a request. What becomes of it, the handler is told; this never throws. */
  dispatch(request: RequestBytes, handler: ResponseHandler): void {
    this.#isIdle = false
    this.#client.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: request.path,
        headers: request.headers,
        body: request.body as Dispatcher.DispatchOptions['body'],
        upgrade: request.upgrade,
        // Else undici takes the client's Host for the name on the server's certificate.
        servername: this.#settings.url.hostname,
        // Null: undici decides, and closes the connection after a HEAD. What follows that may be a body.
        reset: this.#endsAfterUse || (this.#isPrivate ? false : null),
        // Nothing is sent behind a request before its response has ended, so nothing needs to be told of its head.
        blocking: false,
      } as Dispatcher.DispatchOptions,
      new SentRequest(this, handler, request),
    )
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Whether requests may still be sent on it. */
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

  /** Whether it can end for another's sake: its client logs in once more. */
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
    // Bytes behind it could be a body that must not be there. On a private connection they can only reach the same client.
    else if (!mayBeFollowed || this.#isPrivate) return
    else if (this.places.isLimited) this.#endTogether()
    else this.#endHard(hadBody)
  }

  /**
   * Ends it when the server has, too: its place is another's then, and a server that is slow to see an end must not have one
   * connection more than it may.
   */
  #endTogether(): void {
    this.#isEnding = true
    this.#socket.current?.end()
    setTimeout(() => this.end(), MAX_END_MS).unref()
  }

  /** Ends it without a wait of the system's for what may still come: with 28,000 local ports, and a minute for each, 470 a second were the most. */
  #endHard(hadBody: boolean): void {
    // A server that has answered early may read a body still; over TLS there is no such end.
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
    // Another connection would not be the one that was authenticated; an idle one is made anew when it is needed. Otherwise undici
    // connects once more for the request that came as the server closed it, or says that it has none.
    if (this.#isPrivate || this.#endsAfterUse || this.#isIdle) this.end()
  }

  end(): void {
    this.#listener.gone(this)
    if (!this.#isIdle && !this.isBroken) this.#socket.wasCut = true
    this.#ended()
    this.#socket.leaveUnused()
    // What waits behind another request on it was not sent.
    void this.#destroyClient(this.#isPrivate ? connectionLost() : null)
  }

  /** Ends it with the request under way, if there is one. */
  close(): Promise<void> {
    return this.#client.close().finally(() => this.#ended())
  }

  /** Cuts it. */
  destroy(): Promise<void> {
    this.#ended()
    this.#socket.leaveUnused()
    return this.#destroyClient(null)
  }

  /** What is being connected would outlive its client, by up to `connectMs`. */
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
