import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { keepAlive } from '../../../base/tcp-keep-alive.js'
import type { ClientConnection } from '../client-side.js'

const CONNECTION = Symbol('connection')

/** Node's internal object below a socket. In a TLS socket, `_parent` is the object of the connection that carries TLS. */
interface Handle {
  readonly _parent?: Handle | null
}

/** A socket on which Node serves HTTP, with the private fields that Node and this file add to it. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly _handle?: Handle | null
  readonly server?: Server
  /** Node's HTTP parser. It is missing once the socket has received an upgrade request, even if ordinary requests came before. */
  readonly parser?: unknown
  [CONNECTION]?: Http1Connection
}

/** A client's connection over HTTP/1: a socket that a `node:http` server serves. */
export class Http1Connection implements ClientConnection {
  readonly #socket: ServedSocket
  /** Whether the proxy takes no further request from the connection. The bytes that follow are none (RFC 9112, 9.6 and 6.3). */
  takesNoMore = false

  /** Returns the connection of a socket: the same object for all requests that come on the socket. */
  static of(socket: IncomingMessage['socket']): Http1Connection {
    const served = socket as ServedSocket
    const known = served[CONNECTION]
    // A request of HTTP/2 has a socket of its own, which shares its properties with those of the other requests.
    if (known && known.#socket === served) return known
    const connection = new Http1Connection(served)
    served[CONNECTION] = connection
    return connection
  }

  private constructor(socket: ServedSocket) {
    this.#socket = socket
  }

  get peerAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  get peerPort(): number | undefined {
    return this.#socket.remotePort
  }

  // A TCP connection that was reset has no peer address either, and the application may serve streams that have none. Trust in
  // such a peer would be trust in every peer. So the kind of the system handle decides, not the missing address. The socket's
  // `server` would not do: it may be another server than the one that listens, or may be closed.
  get isLocal(): boolean {
    let { _handle: handle } = this.#socket
    while (handle?._parent) handle = handle._parent
    return handle?.constructor.name === 'Pipe'
  }

  get isEncrypted(): boolean {
    return (this.#socket as Partial<TLSSocket>).encrypted === true
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  get isEnding(): boolean {
    return this.#socket.writableEnded
  }

  get isBusy(): boolean {
    return Boolean(this.#socket._httpMessage)
  }

  /** Whether Node still reads HTTP requests from the connection. */
  get isServed(): boolean {
    return Boolean(this.#socket.parser)
  }

  get isOfClosedListener(): boolean {
    const { server } = this.#socket
    return server !== undefined && !server.listening
  }

  onClose(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  end(): void {
    this.#socket.end()
  }

  /** Makes the operating system probe the client after this many milliseconds of silence. */
  keepAlive(ms: number | undefined): void {
    // An application may serve streams of its own, which lack this setting.
    if (this.#socket instanceof Socket) keepAlive(this.#socket, ms)
  }
}
