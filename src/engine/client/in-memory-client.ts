import { type Duplex, duplexPair, Readable } from 'node:stream'
import { forwardResponseHeaders } from '../headers/forward-headers.js'
import type { RawFields } from '../headers/raw-fields.js'
import type { RequestHeaders } from '../headers/request-head.js'
import { addClose } from '../headers/response-head.js'
import type { ClientSide, ClientWatcher } from './client-side.js'
import { hasNoBody } from './has-no-body.js'
import { InMemoryConnection } from './in-memory-connection.js'
import { framing, type InMemoryRequest, joined, wholeStream } from './in-memory-request.js'
import { tunnel } from './tunnel.js'

/** A response that went over no connection. */
export interface InMemoryResponse {
  /** The status; `undefined` if the connection closed before a response. */
  readonly status: number | undefined
  /** The reason phrase, if it is another than the usual one. */
  readonly reason: string | undefined
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** Pairs of name and value. */
  readonly trailers: readonly (readonly [string, string])[]
  /** The informational responses (1xx) before it. */
  readonly information: readonly { readonly status: number; readonly headers: readonly string[] }[]
  /** Whether the response came to its end. */
  readonly isComplete: boolean
  /** Whether the connection closes after the response. */
  readonly closes: boolean
  /** The client's end of the tunnel, after status 101. */
  readonly tunnel: Duplex | undefined
}

/** Number of bytes that wait for a client that does not read. With more, `write` asks the writer to wait. */
const HIGH_WATER_MARK = 16 * 1024

/**
 * The client's side of an exchange without a connection. Tests and `switchover/testing` send requests with it. The client reads its
 * response at once, unless `stopReading` was called.
 */
export class InMemoryClient implements ClientSide {
  readonly method: string
  readonly target: string
  readonly httpVersion = '1.1'
  readonly rawHeaders: readonly string[]
  readonly headers: RequestHeaders
  readonly hasBody: boolean
  readonly body: Readable
  readonly trailers: readonly string[]
  readonly upgradeProtocol: string | undefined
  readonly connection: InMemoryConnection
  readonly observed = {}
  readonly takesTrailers = true
  readonly isBuffered = false
  readonly isLast = true
  readonly isBehind = false
  /** Resolves when the response has ended, or the connection has closed. Never rejects. */
  readonly response: Promise<InMemoryResponse>

  status: number | undefined
  hasEnded = false
  #reason: string | undefined
  #responseHeaders: readonly string[] = []
  #trailers: InMemoryResponse['trailers'] = []
  readonly #chunks: Buffer[] = []
  readonly #information: { status: number; headers: readonly string[] }[] = []
  #watcher: ClientWatcher | undefined
  #resume: (() => void) | undefined
  #tunnel: Duplex | undefined
  #reads = true
  #waiting = 0
  #closes = false
  #isTold = false
  /** Whether the whole body was there from the beginning. */
  readonly #isWhole: boolean
  #tell: (response: InMemoryResponse) => void = () => {}

  /** Creates the client's side. Nothing happens before an exchange watches it. */
  constructor(request: InMemoryRequest = {}) {
    const { method = 'GET', target = '/', headers = [], trailers = [], body, peer = {} } = request
    this.method = method
    this.target = target
    this.rawHeaders = [...headers, ...framing(body)]
    this.headers = joined(this.rawHeaders)
    this.hasBody = body instanceof Readable || Boolean(body?.length)
    this.body = body instanceof Readable ? body : wholeStream(body)
    this.#isWhole = !(body instanceof Readable)
    this.connection = new InMemoryConnection(peer)
    this.trailers = trailers
    this.upgradeProtocol = request.upgradeProtocol
    this.response = new Promise((resolve) => {
      this.#tell = resolve
    })
    this.connection.onClose(() => this.#over(false))
  }

  get isComplete(): boolean {
    return this.#isWhole || this.body.readableEnded
  }

  get isGone(): boolean {
    return !this.connection.isOpen
  }

  get isSent(): boolean {
    return this.hasEnded && this.#waiting === 0
  }

  get isFull(): boolean {
    return this.#waiting >= HIGH_WATER_MARK
  }

  checkParsed(): void {}

  watch(watcher: ClientWatcher): void {
    this.#watcher = watcher
  }

  unwatch(): void {
    this.#watcher = undefined
  }

  afterUpload(_reader: Readable | undefined, then: () => void): boolean {
    if (this.isComplete || this.isGone) return false
    this.body.once('close', then).resume()
    return true
  }

  /** Stops reading the response, so that it comes to a halt (back-pressure). */
  stopReading(): void {
    this.#reads = false
  }

  /** Reads what waits, and goes on reading. */
  goOnReading(): void {
    this.#reads = true
    this.#waiting = 0
    const resume = this.#resume
    this.#resume = undefined
    if (resume) setImmediate(resume)
    if (this.hasEnded) this.#over(true)
  }

  /** Closes the connection, as a client that has lost interest. */
  leave(): void {
    this.connection.end()
  }

  sendInformation(status: number, fields: RawFields): void {
    this.#information.push({ status, headers: forwardResponseHeaders(fields) })
  }

  sendContinue(): void {
    if (this.headers.expect !== undefined) this.#information.push({ status: 100, headers: [] })
  }

  sendHead(status: number, reason: string | undefined, headers: string[]): void {
    if (this.#closes) addClose(headers)
    this.status = status
    this.#reason = reason
    this.#responseHeaders = headers
  }

  flushHead(): void {}
  flush(): void {}

  write(chunk: Buffer): boolean {
    if (hasNoBody(this.method, this.status ?? 200)) return true
    this.#chunks.push(chunk)
    this.connection.bytesWritten += chunk.length
    if (!this.#reads) this.#waiting += chunk.length
    return !this.isFull
  }

  writeLast(chunk: Buffer): boolean {
    this.end(chunk)
    return true
  }

  whenRoom(resume: () => void): void {
    this.#resume = resume
  }

  end(body?: string | Buffer): void {
    if (body !== undefined) this.write(Buffer.from(body))
    this.hasEnded = true
    // The response ends in a later turn, as over a connection. The caller may still have something to do.
    if (this.#waiting === 0) setImmediate(() => this.#over(true))
  }

  endWith(trailers: InMemoryResponse['trailers']): void {
    this.#trailers = trailers
    this.end()
  }

  breakOff(): void {
    this.connection.end()
  }

  cut(): void {
    this.#tunnel?.destroy()
    this.connection.end()
  }

  closeAfter(): void {
    if (this.status === undefined) this.#closes = true
  }

  takeNoMore(): void {
    this.#closes = true
  }

  tunnelTo(
    server: Duplex,
    fields: RawFields,
    cookie: string | undefined,
    _tcpKeepAliveMs: number | undefined,
    onClosed: () => void,
  ): void {
    const [near, far] = duplexPair()
    this.#tunnel = far
    const headers = forwardResponseHeaders(fields)
    if (cookie !== undefined) headers.push('Set-Cookie', cookie)
    this.sendHead(101, undefined, headers)
    tunnel(near, server, onClosed)
    this.#tell(this.#whole(true))
  }

  #over(isComplete: boolean): void {
    if (this.#isTold || this.#tunnel) return
    this.#isTold = true
    this.#watcher?.clientClosed()
    this.#tell(this.#whole(isComplete))
    if (this.#closes) this.connection.end()
  }

  #whole(isComplete: boolean): InMemoryResponse {
    return {
      status: this.status,
      reason: this.#reason,
      headers: this.#responseHeaders,
      body: Buffer.concat(this.#chunks),
      trailers: this.#trailers,
      information: this.#information,
      isComplete,
      closes: this.#closes,
      tunnel: this.#tunnel,
    }
  }
}
