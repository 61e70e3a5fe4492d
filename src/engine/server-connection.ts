import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type buildConnector, Client, type Dispatcher } from 'undici'
import { ProxyError } from '../model/errors.js'
import {
  type RequestBytes,
  type ResponseHandler,
  SentRequest,
  type ServerConnection,
} from './sent-request.js'

/** What its connections are to the upstream that made them. */
export interface ConnectionOwner {
  /** It can take the next request, and anybody's. */
  free(connection: Connection): void
  /** Nothing can be sent on it any more. */
  gone(connection: Connection): void
}

/** How a connection is made. */
export interface ConnectionSettings {
  readonly url: URL
  readonly client: Client.Options
  readonly connect: buildConnector.connector
  /** Milliseconds without a request after which a private connection is closed. */
  readonly privateIdleMs: number
}

/** One connection to a server: a client of undici's, with one request under way at a time. */
export class Connection implements ServerConnection {
  readonly #settings: ConnectionSettings
  readonly #owner: ConnectionOwner
  readonly #client: Client
  #socket: Socket | undefined
  #isConnected = false
  /** No request is under way: a byte that comes now belongs to none. */
  #isIdle = false
  #isPrivate = false
  #hasRead = false
  #endsAfterUse = false
  #onEnd: (() => void) | undefined

  constructor(settings: ConnectionSettings, owner: ConnectionOwner) {
    this.#settings = settings
    this.#owner = owner
    this.#client = new Client(settings.url, { ...settings.client, connect: this.#connect })
    this.#client.on('connect', () => {
      this.#isConnected = true
    })
    this.#client.on('disconnect', () => this.#disconnected())
    // undici says so when it can take a request: the last one has ended.
    this.#client.on('drain', () => this.#drained())
  }

  readonly #connect: buildConnector.connector = (options, callback) =>
    this.#settings.connect(options, (error, socket) => {
      if (error) return callback(error, null)
      this.#socket = socket
      socket.on('readable', this.#onReadable)
      callback(null, socket)
    })

  // undici ends an idle connection at the first byte of a response, but reads over empty lines.
  readonly #onReadable = (): void => {
    if (!this.#socket || this.#socket.readableLength === 0) return
    if (this.#isIdle) this.end()
    else this.#hasRead = true
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
    return !this.#client.destroyed && !this.#client.closed
  }

  get isPrivate(): boolean {
    return this.#isPrivate
  }

  get hasRead(): boolean {
    return this.#hasRead
  }

  makePrivate(onEnd: () => void): void {
    this.#isPrivate = true
    this.#onEnd = onEnd
    setIdleLimit(this.#client, this.#settings.privateIdleMs)
  }

  endAfterUse(): void {
    this.#endsAfterUse = true
  }

  written(): void {
    this.#isIdle = false
    this.#hasRead = false
  }

  answered(mayBeFollowed: boolean, hadBody: boolean): void {
    this.#isIdle = true
    if (this.#endsAfterUse) this.end()
    // Bytes behind it could be a body that must not be there. On a private connection they can only reach the same client.
    else if (mayBeFollowed && !this.#isPrivate) this.#endHard(hadBody)
  }

  /** Ends it without a wait of the system's for what may still come: with 28,000 local ports, and a minute for each, 470 a second were the most. */
  #endHard(hadBody: boolean): void {
    // A server that has answered early may read a body still; over TLS there is no such end.
    if (!hadBody && this.#socket && !(this.#socket instanceof TLSSocket)) this.#socket.resetAndDestroy()
    this.end()
  }

  #drained(): void {
    if (!this.#isConnected || this.#endsAfterUse) this.end()
    else if (!this.#isPrivate && this.isOpen) this.#owner.free(this)
  }

  #disconnected(): void {
    this.#isConnected = false
    this.#socket?.off('readable', this.#onReadable)
    this.#socket = undefined
    // Another connection would not be the one that was authenticated; an idle one is made anew when it is needed. Otherwise undici
    // connects once more for the request that came as the server closed it, or says that it has none.
    if (this.#isPrivate || this.#endsAfterUse || this.#isIdle) this.end()
  }

  end(): void {
    this.#owner.gone(this)
    this.#ended()
    // What waits behind another request on it was not sent.
    void this.#client.destroy(this.#isPrivate ? lost() : null)
  }

  /** Ends it with the request under way, if there is one. */
  close(): Promise<void> {
    return this.#client.close().finally(() => this.#ended())
  }

  /** Cuts it. */
  destroy(): Promise<void> {
    this.#ended()
    return this.#client.destroy()
  }

  #ended(): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.()
  }
}

function lost(): ProxyError {
  return new ProxyError('PROXY_UPSTREAM_RESET', 'the connection that the client had authenticated has ended')
}

/**
 * How long a connection that exists may be idle at most, unless the server names a shorter time. undici has no setter; by these names it
 * keeps the time. Without them its own limit stays, and a client has to authenticate itself more often.
 */
function setIdleLimit(client: Client, ms: number): void {
  const limits = client as unknown as Record<symbol, number>
  const [ours, most, now] = [
    'default keep alive timeout',
    'max keep alive timeout',
    'keep alive timeout',
  ].map((name) => Object.getOwnPropertySymbols(client).find(({ description }) => description === name))
  if (!ours || !most || !now) return
  const named = limits[now] === limits[ours] ? ms : (limits[now] ?? ms)
  limits[now] = Math.min(named, ms)
  limits[ours] = ms
  limits[most] = ms
}
