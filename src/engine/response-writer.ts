import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../model/errors.js'
import type { Answered } from './client/own-response.js'
import { atEndOfTurn } from './end-of-turn.js'
import type { RawFields } from './headers/raw-fields.js'

/** The sender of a response: the try that gets it from a server. */
export interface ResponseSource {
  /** Whether the response can still come to its end. If not, an error follows, and the client can still get a 502. */
  readonly isWell: boolean
  /** Called just before the head is sent. */
  headLeaves(headers: readonly string[]): void
  /** The response could not be written. */
  failed(error: Error): void
  /** The response has ended, and nothing further of its body is needed. */
  enough(): void
  /** Stops, and goes on, with bytes of the body. */
  pause(): void
  resume(): void
}

/** The head of a response while it is held back. */
interface HeldHead {
  readonly status: number
  readonly reason: string | undefined
  /** Header names and values in turn. */
  readonly headers: string[]
}

/** Maximum number of informational responses (1xx) on one try, because a faulty server could send them without end. */
const MAX_INFORMATIONAL = 32
const NO_STREAMS: readonly Duplex[] = []

/** Writes a server's response to a client: the head and the body in as few pieces as possible, and with back-pressure. */
export class ResponseWriter {
  readonly #answered: Answered
  readonly #source: ResponseSource
  /** The response's head while it is held back. If the body proves broken in the same event loop turn, the client gets a 502. */
  #held: HeldHead | undefined
  /** Whether the head was written to the client, but no part of the body yet. */
  #headAlone = false
  /** Whether to send at the end of this turn of the event loop what code of the application holds back. */
  #flushes = false
  /** Number of informational responses (1xx) that the server has sent. */
  #informational = 0
  /** Whether a stream that changes the body has failed. */
  #hasFailed = false
  /** Whether the source has given the whole body. */
  #hasAll = false
  /** The streams that change the body on its way. */
  #streams: readonly Duplex[] = NO_STREAMS

  constructor(answered: Answered, source: ResponseSource) {
    this.#answered = answered
    this.#source = source
  }

  /** Passes an informational response (1xx) on. A server that sends too many of them fails. */
  inform(status: number, fields: RawFields): void {
    this.#informational += 1
    if (this.#informational <= MAX_INFORMATIONAL) return this.#answered.client.sendInformation(status, fields)
    const message = `the server sent more than ${MAX_INFORMATIONAL} informational responses (1xx)`
    this.#source.failed(new ProxyError('PROXY_BAD_RESPONSE', message))
  }

  /** Sends the head, now or at the end of this turn of the event loop. By then, the body's first chunk may have proved broken. */
  begin(status: number, reason: string | undefined, headers: string[], isHeld: boolean): void {
    if (isHeld) this.#held = { status, reason, headers }
    else this.#sendHead(status, reason, headers)
    atEndOfTurn(this)
  }

  /** Makes the body flow through streams on its way to the client. */
  flowThrough(streams: readonly Duplex[]): void {
    if (streams.length === 0) return
    this.#streams = streams
    this.#answered.sources = streams
    for (const [at, stream] of streams.entries()) {
      stream.on('error', (error) => this.#streamFailed(error))
      // A stream that is destroyed without an error would let the client wait.
      stream.on('close', () => {
        if (!stream.readableEnded) this.#streamFailed(new Error('a stream of the body closed too early'))
      })
      const next = streams[at + 1]
      if (next) stream.pipe(next)
    }
    const last = streams.at(-1) as Duplex
    last.on('data', (chunk: unknown) => {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))
        return this.#streamFailed(new Error('a stream of the body has a chunk that is no bytes'))
      this.#sendHeld()
      this.#headAlone = false
      const bytes = Buffer.from(chunk as string)
      this.#answered.bodyBytes += bytes.length
      const hasRoom = this.#answered.client.write(bytes)
      this.#flushSoon()
      if (hasRoom) return
      last.pause()
      this.#answered.client.whenRoom(() => last.resume())
    })
    last.on('end', () => {
      this.#end([])
      // If the stream needs nothing further of the body, the server need not send it.
      if (!this.#hasAll) this.#source.enough()
    })
  }

  #streamFailed(error: Error): void {
    if (this.#answered.client.hasEnded || this.#hasFailed) return
    this.#hasFailed = true
    this.#source.failed(new ProxyError('PROXY_HOOK_FAILED', error.message, { cause: error }))
  }

  /** Forgets a head that is held back, because the try has failed. */
  drop(): void {
    this.#held = undefined
    this.#hasFailed = true
    for (const stream of this.#streams) stream.destroy()
  }

  /**
   * Sends a part of the body.
   *
   * @param left number of bytes that follow: 0 after the last part, less than 0 if that is not known
   * @param isLast whether the response must end with this part, although the source goes on
   */
  write(chunk: Buffer, left: number, isLast: boolean): void {
    const { client } = this.#answered
    const [first] = this.#streams
    if (first) return this.#writeThrough(first, chunk)
    this.#sendHeld()
    this.#answered.bodyBytes += chunk.length
    const isAlone = this.#headAlone
    this.#headAlone = false
    if (isAlone && left === 0 && client.writeLast(chunk)) return
    const hasRoom = client.write(chunk)
    if (!isLast && left !== 0) this.#flushSoon()
    if (isLast) client.end()
    else if (!hasRoom) {
      this.#source.pause()
      client.whenRoom(() => this.#source.resume())
    }
  }

  #writeThrough(first: Duplex, chunk: Buffer): void {
    if (first.destroyed || first.write(chunk)) return
    this.#source.pause()
    first.once('drain', () => this.#source.resume())
  }

  /** Ends the response. @param trailers pairs of name and value */
  end(trailers: readonly (readonly [string, string])[]): void {
    this.#hasAll = true
    const [first] = this.#streams
    if (!first) this.#end(trailers)
    else if (!first.destroyed) first.end()
  }

  #end(trailers: readonly (readonly [string, string])[]): void {
    if (this.#answered.client.hasEnded) return
    this.#sendHeld()
    this.#headAlone = false
    if (trailers.length > 0) this.#answered.client.endWith(trailers)
    else this.#answered.client.end()
  }

  #sendHeld(): void {
    const held = this.#held
    if (!held) return
    this.#held = undefined
    this.#sendHead(held.status, held.reason, held.headers)
  }

  #sendHead(status: number, reason: string | undefined, headers: string[]): void {
    this.#answered.client.sendHead(status, reason, headers)
    this.#source.headLeaves(headers)
    this.#headAlone = true
  }

  #flushSoon(): void {
    if (this.#flushes || !this.#answered.client.isBuffered) return
    this.#flushes = true
    atEndOfTurn(this)
  }

  /** Sends a delayed head, and what code of the application holds back. Without that, events of a stream would come late. */
  turnEnded(): void {
    const { client } = this.#answered
    const isBody = this.#flushes
    this.#flushes = false
    try {
      if (this.#source.isWell) this.#sendHeld()
      if (this.#headAlone) client.flushHead()
      else if (isBody && !client.hasEnded && !client.isGone) client.flush()
    } catch (thrown) {
      this.#source.failed(asError(thrown))
    }
  }
}
