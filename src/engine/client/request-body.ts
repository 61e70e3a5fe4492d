import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Backend } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { Limits } from '../../model/limits.js'

/** Whether a request has a body, from its framing, never from its method (RFC 9112, 6). */
export function hasBody(req: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers
  return coding !== undefined || (length !== undefined && length !== '0')
}

/** How long a request's body may be. @throws ProxyError `PROXY_BODY_TOO_LARGE` if it says that it is longer */
export function bodyLimitOf(req: IncomingMessage, backend: Backend | undefined, limits: Limits): number {
  const { maxRequestBodyBytes = 0 } = backend?.buffering ?? {}
  const limit = maxRequestBodyBytes > 0 ? maxRequestBodyBytes : limits.bodyBytes
  if (Number(req.headers['content-length']) > limit) throw tooLarge(limit)
  return limit
}

function tooLarge(limit: number): ProxyError {
  const where = 'limits.bodyBytes, or buffering.maxRequestBodyBytes of the backend'
  return new ProxyError('PROXY_BODY_TOO_LARGE', `the body is longer than ${limit} bytes (${where})`)
}

/** As much as one read of a socket brings. */
const MAX_WHOLE = 64 * 1024

/** Whether its body is so small that it may have come in one piece with its head. */
export function mayComeWhole({ headers }: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': coding, expect } = headers
  return length !== undefined && Number(length) <= MAX_WHOLE && coding === undefined && expect === undefined
}

/** All of a body, if it is here and nobody has read of it. */
export function wholeBody(req: IncomingMessage): Buffer | undefined {
  const { readableLength, readableEncoding } = req
  const isHere = readableLength === Number(req.headers['content-length']) && readableLength <= MAX_WHOLE
  if (!isHere || readableLength === 0 || readableEncoding !== null) return undefined
  const body = req.read() as Buffer | null
  // Nothing but its end is to come.
  req.resume()
  return body ?? undefined
}

/** Some of a body is gone before it came to the proxy: what is left, or an empty one, would be a lie. */
export function bodyConsumed(): ProxyError {
  const message =
    'the body was read before the proxy was given the request: put the proxy before body parsers, as express.json()'
  return new ProxyError('PROXY_BODY_CONSUMED', message)
}

/** Smaller pieces are joined: a client could make ten thousand chunks of one read, each written to the server by itself. */
const MIN_PIECE_BYTES = 512

/**
 * A request's body on its way to one server, with back-pressure. undici destroys the body of a request that fails;
 * were that the request itself, its socket would go too, and the client would never read why.
 *
 * Nothing is read from the client before the server asks, so a body that never left can go to another server.
 */
export class RequestBody extends Readable {
  readonly #req: IncomingMessage
  readonly #onWanted: () => void
  readonly #limit: number
  readonly #maxDropped: number
  /** Bytes that came, with those that no server read. */
  #came = 0
  /** Bytes that were read for nobody, since no server wants any more. */
  dropped = 0
  #reading = false
  /** Small pieces of one read. */
  #small: Buffer[] = []

  /**
   * @param limit its bytes; one more makes it fail with `PROXY_BODY_TOO_LARGE`
   * @param onWanted called once, when the server wants the first of it
   * @param unread how much is read of what no server wants
   */
  constructor(
    req: IncomingMessage,
    limit: number,
    onWanted: () => void,
    { bytes }: { readonly bytes: number },
  ) {
    super()
    this.#req = req
    this.#limit = limit
    // The other half is read behind the answer.
    this.#maxDropped = bytes / 2
    this.#onWanted = onWanted
    // undici stops listening once its request has ended; an error after that is nobody's, and must not be thrown.
    this.on('error', ignore)
  }

  override _read(): void {
    if (this.#req.readableDidRead && !this.#reading) {
      this.destroy(bodyConsumed())
      return
    }
    if (!this.#reading) {
      this.#reading = true
      this.#onWanted()
      this.#req.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    }
    this.#req.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#req.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    // Some clients read nothing of an answer before they have sent all.
    if (this.#reading) this.#req.on('data', this.#drop).resume()
    callback(error)
  }

  /** Bytes that may still come. */
  get left(): number {
    return this.#limit - this.#came
  }

  /** Whether so little is to come that reading it costs less than another connection. */
  get isNearlyWhole(): boolean {
    const { 'content-length': length = 'unknown' } = this.#req.headers
    return Number(length) - this.#came <= Math.min(MAX_WHOLE, this.#maxDropped)
  }

  readonly #drop = (chunk: Buffer): void => {
    this.#came += chunk.length
    this.dropped += chunk.length
    if (this.dropped >= this.#maxDropped || this.left < 0) this.#req.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#came += chunk.length
    if (this.#came > this.#limit) this.destroy(tooLarge(this.#limit))
    else if (chunk.length < MIN_PIECE_BYTES || this.#small.length > 0) this.#keep(chunk)
    else if (!this.push(chunk)) this.#req.pause()
  }

  /** The joined piece leaves when all of the read is parsed. Not in the next tick: Node runs ticks behind each chunk. */
  #keep(chunk: Buffer): void {
    if (this.#small.push(chunk) === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const [first] = this.#small
    if (!first || this.destroyed) return
    const piece = this.#small.length === 1 ? first : Buffer.concat(this.#small)
    this.#small = []
    if (!this.push(piece)) this.#req.pause()
  }

  readonly #onEnd = (): void => {
    this.#flush()
    this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#req.readableEnded) this.destroy(new Error('the client left in the middle of its body'))
  }
}

function ignore(): void {}
