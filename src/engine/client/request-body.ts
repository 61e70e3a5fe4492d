import { Readable } from 'node:stream'
import type { Backend } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { Limits } from '../../model/limits.js'
import type { RequestHead } from '../headers/request-head.js'
import type { ClientSide } from './client-side.js'

/** Returns whether a request of HTTP/1 has a body. `Content-Length` and `Transfer-Encoding` decide that, not the method (RFC 9112, 6). */
export function hasBody({ headers }: Pick<RequestHead, 'headers'>): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = headers
  return coding !== undefined || (length !== undefined && length !== '0')
}

/**
 * Returns the maximum number of bytes that a request's body may have.
 *
 * @throws ProxyError `PROXY_BODY_TOO_LARGE` if the request's `Content-Length` is larger
 */
export function bodyLimitOf({ headers }: RequestHead, backend: Backend | undefined, limits: Limits): number {
  const { maxRequestBodyBytes = 0 } = backend?.buffering ?? {}
  const limit = maxRequestBodyBytes > 0 ? maxRequestBodyBytes : limits.bodyBytes
  if (Number(headers['content-length']) > limit) throw tooLarge(limit)
  return limit
}

function tooLarge(limit: number): ProxyError {
  const where = 'limits.bodyBytes, or buffering.maxRequestBodyBytes of the backend'
  return new ProxyError('PROXY_BODY_TOO_LARGE', `the body is longer than ${limit} bytes (${where})`)
}

/** Maximum number of bytes that Node reads from a socket at once. A larger body cannot arrive in one read with its head. */
const MAX_WHOLE = 64 * 1024

/** Returns whether a request's body is small enough to arrive in one read with its head. */
export function mayComeWhole({ headers }: RequestHead): boolean {
  const { 'content-length': length, 'transfer-encoding': coding, expect } = headers
  return length !== undefined && Number(length) <= MAX_WHOLE && coding === undefined && expect === undefined
}

/** Returns the whole request body if all of it has arrived and none of it was read. Returns undefined otherwise. */
export function wholeBody({ headers, body }: ClientSide): Buffer | undefined {
  const { readableLength, readableEncoding } = body
  const isHere = readableLength === Number(headers['content-length']) && readableLength <= MAX_WHOLE
  if (!isHere || readableLength === 0 || readableEncoding !== null) return undefined
  const whole = body.read() as Buffer | null
  // Lets the stream emit `end`, because all of its bytes have been read.
  body.resume()
  return whole ?? undefined
}

/**
 * Returns the error for a request whose body other code has partly read before
 * the proxy got the request. A server would take the rest for the whole body.
 */
export function bodyConsumed(): ProxyError {
  const message =
    'the body was read before the proxy was given the request: put the proxy before body parsers such as express.json()'
  return new ProxyError('PROXY_BODY_CONSUMED', message)
}

/**
 * Number of bytes below which chunks of a request body are joined. A client could send ten
 * thousand chunks in one read of its socket, and each would be a separate write to the server.
 */
const MIN_PIECE_BYTES = 512

/**
 * A stream that carries a request's body to one server, with back-pressure. undici destroys
 * the body of a request that fails. If that body were the client's own request object, the
 * client's socket would be destroyed too. The client could not read the error response.
 *
 * The stream reads nothing from the client before the server asks for
 * bytes. A body that was never read can still go to another server.
 */
export class RequestBody extends Readable {
  readonly #client: ClientSide
  readonly #onWanted: () => void
  readonly #limit: number
  readonly #maxDropped: number
  /** Number of body bytes that have arrived from the client, including bytes that no server read. */
  #arrived = 0
  /** Number of body bytes that were read and dropped, because the server no longer wants them. */
  dropped = 0
  #reading = false
  /** Small chunks from one read of the client's socket. They wait to be joined into one larger chunk. */
  #small: Buffer[] = []

  /**
   * Creates the stream, which reads nothing yet.
   *
   * @param limit maximum number of bytes in the body; a longer body fails with `PROXY_BODY_TOO_LARGE`
   * @param onWanted called once, when the server asks for the first bytes
   * @param unreadBytes half of these bytes may be read and dropped after the server has stopped reading
   */
  constructor(client: ClientSide, limit: number, onWanted: () => void, unreadBytes: number) {
    super()
    this.#client = client
    this.#limit = limit
    // At most half of `unreadBytes` may be dropped before the response has
    // ended. The other half is left for the time after the response.
    this.#maxDropped = unreadBytes / 2
    this.#onWanted = onWanted
    // Ignores late errors. undici removes its own `error` listener once its request
    // has ended. Without this listener, a later error would be an uncaught exception.
    this.on('error', ignore)
  }

  override _read(): void {
    if (this.#client.body.readableDidRead && !this.#reading) {
      this.destroy(bodyConsumed())
      return
    }
    if (!this.#reading) {
      this.#reading = true
      this.#onWanted()
      this.#client.body.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    }
    this.#client.body.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#client.body.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    // Goes on reading the client's request and drops the bytes. Some
    // clients read no response before they have sent their whole body.
    if (this.#reading) this.#client.body.on('data', this.#drop).resume()
    callback(error)
  }

  /** Number of further bytes that the client may send before the body exceeds its limit. */
  get left(): number {
    return this.#limit - this.#arrived
  }

  /** Whether only few bytes of the body are still to come, so that reading them costs less than a new connection. */
  get isNearlyWhole(): boolean {
    const { 'content-length': length = 'unknown' } = this.#client.headers
    return Number(length) - this.#arrived <= Math.min(MAX_WHOLE, this.#maxDropped)
  }

  readonly #drop = (chunk: Buffer): void => {
    this.#arrived += chunk.length
    this.dropped += chunk.length
    if (this.dropped >= this.#maxDropped || this.left < 0) this.#client.body.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#arrived += chunk.length
    if (this.#arrived > this.#limit) this.destroy(tooLarge(this.#limit))
    else if (chunk.length < MIN_PIECE_BYTES || this.#small.length > 0) this.#keep(chunk)
    else if (!this.push(chunk)) this.#client.body.pause()
  }

  /**
   * Keeps a small chunk until Node has parsed all bytes of one read. Then the small chunks are
   * joined. `process.nextTick` would be too early, because Node runs its callbacks after each chunk.
   */
  #keep(chunk: Buffer): void {
    if (this.#small.push(chunk) === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const [first] = this.#small
    if (!first || this.destroyed) return
    const piece = this.#small.length === 1 ? first : Buffer.concat(this.#small)
    this.#small = []
    if (!this.push(piece)) this.#client.body.pause()
  }

  readonly #onEnd = (): void => {
    this.#flush()
    this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#client.body.readableEnded)
      this.destroy(new Error('the client closed its connection before all of its body arrived'))
  }
}

function ignore(): void {}
