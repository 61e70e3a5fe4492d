import type { Duplex, Readable } from 'node:stream'
import type { RawFields } from '../headers/raw-fields.js'
import type { Peer, RequestHead } from '../headers/request-head.js'

/**
 * The client's side of an exchange: the request as it came, and the response to it. The engine reads and writes it only through
 * this interface, so that it knows neither the version of HTTP nor the connection. `http1/http1-client.ts` is the implementation
 * for HTTP/1, and `in-memory-client.ts` is one without a connection. Both pass `test/contracts/client-sides.test.ts`.
 */
export interface ClientSide extends RequestHead, ResponseSide {
  /** Whether the request has a body, also one that is still to come. */
  readonly hasBody: boolean
  /** The body of the request. Its reader decides how fast the client may send it (back-pressure). */
  readonly body: Readable
  /** Names and values of the trailers in turn: the fields after the body. They are there once the body has ended. */
  readonly trailers: readonly string[]
  /** Whether the whole request has arrived, with its body and trailers. */
  readonly isComplete: boolean
  /** The protocol that the client wants to switch to, such as `websocket`. `undefined` if it asks for none. */
  readonly upgradeProtocol: string | undefined
  /** The connection on which the request came. Several requests may come on one connection. */
  readonly connection: ClientConnection
  /** What diagnostics channels tell of this side: Node's own objects for the request and the response, if there are any. */
  readonly observed: { readonly req?: object; readonly res?: object }

  /**
   * Refuses a request that the parser of this version of HTTP accepts, although a server's parser may read it differently.
   *
   * @throws ProxyError `PROXY_BAD_REQUEST`, `PROXY_VERSION_UNSUPPORTED`
   */
  checkParsed(): void
  /** Tells the watcher of the end of this side, from now on. */
  watch(watcher: ClientWatcher): void
  /** Tells the watcher nothing more. */
  unwatch(): void
  /**
   * Waits for the rest of the request after the response was sent. Otherwise a client could send without end, and no limit would
   * count its request.
   *
   * @param reader the stream through which a server still reads the body, if there is one
   * @param then called once, when the rest has come or the client has left
   * @returns false if nothing is to come; `then` is not called in this case
   */
  afterUpload(reader: Readable | undefined, then: () => void): boolean
}

/** The half of a client's side that carries the response. */
interface ResponseSide {
  /** Whether the client can no longer get a response. */
  readonly isGone: boolean
  /** The status of the response. `undefined` while no head was sent; 101 in a tunnel. */
  readonly status: number | undefined
  /** Whether the last byte of the response was given to this side. */
  readonly hasEnded: boolean
  /** Whether the client's connection has taken the last byte of the response. */
  readonly isSent: boolean
  /** Whether bytes of the response wait until the client reads. */
  readonly isFull: boolean
  /** Whether the response waits until earlier responses on the same connection were sent. */
  readonly isBehind: boolean
  /** Whether the connection may close after this response, because no other request of the client waits behind it. */
  readonly isLast: boolean
  /** Whether the client can get trailers. */
  readonly takesTrailers: boolean
  /** Whether code of the host holds back what is written, to compress it for example. `flush` sends what it holds back. */
  readonly isBuffered: boolean

  /** Sends an informational response (1xx), if the client can get one and the status is one that a proxy passes on. */
  sendInformation(status: number, fields: RawFields): void
  /** Tells a client that waits for it to send its body (100 Continue). For any other client, this does nothing. */
  sendContinue(): void
  /**
   * Writes the head of the response. It may leave together with the first bytes of the body.
   *
   * @param reason the reason phrase, if it is another than the usual one for the status
   * @param headers names and values in turn; fields about the connection are added to the list
   */
  sendHead(status: number, reason: string | undefined, headers: string[]): void
  /** Sends the head now, without waiting for the body. */
  flushHead(): void
  /** Sends what code of the host holds back. */
  flush(): void
  /** Sends a part of the body. @returns false if the caller must write nothing further before `whenRoom` calls back */
  write(chunk: Buffer): boolean
  /**
   * Sends the last part of the body together with the head, if both are small, and ends the response.
   *
   * @returns false if nothing was sent, so that the caller must send the part
   */
  writeLast(chunk: Buffer): boolean
  /** Calls `resume` once, when the client can take more bytes, in a later turn of the event loop. */
  whenRoom(resume: () => void): void
  /** Ends the response. @param body the whole body, if nothing of it was written before */
  end(body?: string | Buffer): void
  /** Ends a response that has trailers: pairs of name and value. */
  endWith(trailers: readonly (readonly [string, string])[]): void
  /** Breaks the response off, in such a way that the client notices that it is not complete. */
  breakOff(): void
  /** Breaks the response off and closes the connection, even if the response waits for earlier ones. */
  cut(): void
  /**
   * Makes the connection close after this response, in stages, because the client may still be sending. Has no effect once the
   * head was sent.
   *
   * @param unread the request's body, if it is streamed to a server
   * @param holdsLimit whether reading stops when the body reaches its size limit
   */
  closeAfter(unread?: UnreadBody, holdsLimit?: boolean): void
  /** Takes no further request from the connection. What follows may be the rest of this request, or a smuggled one. */
  takeNoMore(): void
  /**
   * Switches to the protocol that the client has asked for, and connects the client to a server, so that bytes flow both ways.
   *
   * @param fields header fields of the server's 101 response
   * @param cookie the value of a `Set-Cookie` header for the client
   * @param tcpKeepAliveMs milliseconds of silence before the operating system probes the client
   * @param onClosed called once, when both connections have closed
   */
  tunnelTo(
    server: Duplex,
    fields: RawFields,
    cookie: string | undefined,
    tcpKeepAliveMs: number | undefined,
    onClosed: () => void,
  ): void
}

/** A connection of a client. It is the same object for all requests on the connection. */
export interface ClientConnection extends Peer {
  /** Whether the connection has not closed. */
  readonly isOpen: boolean
  /** Whether the connection closes after what was written to it. */
  readonly isEnding: boolean
  /** Whether a response is being written, or is to be written. */
  readonly isBusy: boolean
  /** Number of bytes that came from the client so far. */
  readonly bytesRead: number
  /** Number of bytes that were written to the client so far. */
  readonly bytesWritten: number
  /** Whether the listener that has accepted the connection has stopped to accept connections. */
  readonly isOfClosedListener: boolean
  /** Calls `listener` once, when the connection has closed. */
  onClose(listener: () => void): void
  /** Ends the connection after what was written to it. */
  end(): void
}

/** The object that is told of the end of a client's side. */
export interface ClientWatcher {
  /** The response was sent, or the client has left. May be called more than once. */
  clientClosed(): void
  /** The response could not be written. */
  clientFailed(error: Error): void
}

/** A request's body that has not arrived completely. */
export interface UnreadBody {
  /** Number of bytes of the body that the proxy has read and dropped, because no server wanted them. */
  readonly dropped: number
  /** Number of further bytes that the client may send before the body exceeds its size limit. */
  readonly left: number
}

/** The client connections that close in stages after their last response, because their clients may still be sending. */
export interface ClosingConnections {
  /** Their number. */
  readonly size: number
  /** Called when the last of them has closed. */
  onIdle: () => void
  /** Closes all of them at once. @returns whether there was one */
  destroyAll(): boolean
}
