import { pipeline } from 'node:stream'
import { createBrotliDecompress, createGunzip } from 'node:zlib'
import { type Dispatcher, request } from 'undici'
import { maskUrl } from '../../base/credentials.js'
import { asError, ProxyError, type ProxyErrorDetails } from '../../model/errors.js'
import { linkSignals } from '../linked-signal.js'

/** The response to a GET request. */
export interface TextResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The whole body of a 200 response, the first bytes of a 404 response, `''` for a 304 response. */
  readonly body: string
}

type Inspection = (bytes: Uint8Array) => string | undefined

/** Limits on the size and duration of a response, and a check of its body. */
export interface ReadLimits {
  /** The largest body of a response in bytes, before and after decompression. */
  readonly maxBytes: number
  /** The longest duration from the start of the request to the last byte of the response, in milliseconds. */
  readonly timeoutMs: number
  /** The longest time without a byte of the response, in milliseconds. It also limits the wait for the first byte. */
  readonly idleTimeoutMs: number
  /**
   * Returns, by the headers of a 200 response, a function that checks the body piece by piece; undefined if the body needs no
   * check. If that function returns a text, the response is unusable, and the text is the reason.
   */
  readonly inspect?: (headers: TextResponse['headers']) => Inspection | undefined
}

/** The number of characters of an unexpected response that an error message quotes. */
const EXCERPT_LENGTH = 120

/**
 * Fetches a text over HTTP with limits on time and size. It never follows a redirect.
 *
 * @param headersOf returns the request's headers; the time limits include its duration, and its failure becomes a
 * `PROXY_CONFIG_UNREACHABLE`
 * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if no response with status 200, 304 or 404 came in time
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the body is too long, wrongly compressed, not UTF-8, or refused by `inspect`.
 * Both errors name the URL, the status, and the first bytes of the response.
 */
export async function getText(
  url: string,
  headersOf: () => Promise<Readonly<Record<string, string>>>,
  { maxBytes, timeoutMs, idleTimeoutMs, inspect }: ReadLimits,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<TextResponse> {
  const limit = new TimeLimit(timeoutMs)
  const shown = maskUrl(url)
  const received = new Received()
  const idle = new TimeLimit(idleTimeoutMs)
  const { signal: either, unlink } = linkSignals([signal, limit.signal, idle.signal])
  let body: Dispatcher.ResponseData['body'] | undefined
  try {
    const headers = await unlessAborted(headersOf(), either)
    // Rejects at once if the signal aborts. undici reacts to an abort only once it has a connection, and a connection attempt may
    // never end.
    const response = await unlessAborted(request(url, { headers, dispatcher, signal: either }), either)
    const { statusCode: status } = response
    body = response.body
    received.status = status
    // Ignores errors of the body. If the read of the body ends early, its rest may fail later, when no code waits for it. Without
    // this listener, that error would end the process.
    body.on('error', ignore)
    const decoded = decode(joined(response.headers['content-encoding']), idle.watch(body), shown)
    if (status === 200) {
      const flaw = await received.read(decoded, maxBytes, inspect?.(response.headers))
      if (flaw !== undefined) throw unusable(shown, received.describe(`the answer is ${flaw}`))
      return { status, headers: response.headers, body: textOf(received, shown) }
    }
    if (status !== 304) await received.read(decoded, EXCERPT_LENGTH)
    if (status === 304 || status === 404) return { status, headers: response.headers, body: received.start }
    const retryAfterMs = retryAfterOf(joined(response.headers['retry-after']))
    throw unreachable(shown, received.describe(redirectSentence(response.headers['location'])), {
      retryAfterMs,
    })
  } catch (thrown) {
    if (thrown instanceof ProxyError || signal.aborted) throw thrown
    if (limit.signal.aborted)
      throw unreachable(shown, received.describe(`no complete answer within ${timeoutMs} ms`), {
        cause: thrown,
      })
    if (idle.signal.aborted)
      throw unreachable(shown, received.describe(`no byte for ${idleTimeoutMs} ms`), { cause: thrown })
    const { message, code = '' } = asError(thrown) as NodeJS.ErrnoException
    if (/^(Z_|ERR__ERROR_|ERR_BROTLI_)/.test(code))
      throw unusable(shown, received.describe(`wrongly compressed: ${message}`))
    throw unreachable(shown, received.describe(message || code || 'no answer'), { cause: thrown })
  } finally {
    limit.end()
    idle.end()
    unlink()
    // Destroys the body. If it was not read to its end, it would keep its connection open without limit.
    body?.destroy()
  }
}

/** A time limit as an abort signal. `watch` passes on the pieces of a body, and restarts the timer with each piece. */
class TimeLimit {
  readonly #ending = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(limitMs: number) {
    this.#timer = setTimeout(() => this.#ending.abort(), Math.min(Math.ceil(limitMs), 2 ** 31 - 1)).unref()
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Yields the pieces of a body unchanged, and restarts the timer with each piece. */
  async *watch(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.#timer.refresh()
    for await (const chunk of body) {
      this.#timer.refresh()
      yield chunk
    }
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/**
 * Returns the decompressed body. The body is decompressed piece by piece, so that a decompression bomb is stopped at the size
 * limit.
 */
function decode(coding: string | undefined, body: AsyncIterable<Buffer>, url: string): AsyncIterable<Buffer> {
  if (coding === undefined || coding === 'identity') return body
  const decoders = { gzip: createGunzip, 'x-gzip': createGunzip, br: createBrotliDecompress }
  const make = Object.hasOwn(decoders, coding) ? decoders[coding as keyof typeof decoders] : undefined
  if (!make) throw unusable(url, `the answer is compressed by ${JSON.stringify(coding)}; expected gzip or br`)
  const decoder = make()
  pipeline(body, decoder, ignore)
  return decoder
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject)
  })
}

/** The part of a response that has arrived so far. */
class Received {
  status: number | undefined
  length = 0
  readonly #chunks: Buffer[] = []

  /**
   * Reads a body until its end, until it exceeds `maxBytes`, or until `inspect` finds a flaw.
   *
   * @returns why the read stopped early; undefined if it reached the end of the body
   */
  async read(
    body: AsyncIterable<Buffer>,
    maxBytes: number,
    inspect: Inspection = () => undefined,
  ): Promise<string | undefined> {
    for await (const chunk of body) {
      this.#chunks.push(chunk)
      this.length += chunk.length
      if (this.length > maxBytes) return `longer than ${maxBytes} bytes`
      const flaw = inspect(chunk)
      if (flaw !== undefined) return flaw
    }
    return undefined
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks, this.length)
  }

  /**
   * The first bytes of the body, as one character each. There is one byte more than an error message quotes, so that `excerptOf`
   * can mark a cut.
   */
  get start(): string {
    return Buffer.concat(this.#chunks, Math.min(this.length, EXCERPT_LENGTH + 1)).toString('latin1')
  }

  /** Returns a description of the response for people: its status, a reason and its first bytes, as far as they are known. */
  describe(reason: string | undefined): string {
    const status = this.status === undefined ? undefined : `status ${this.status}`
    const said = [status, reason].filter((part) => part !== undefined).join(', ')
    return this.length === 0 ? said : `${said}; it begins with ${excerptOf(this.start)}`
  }
}

/**
 * Returns the first characters of a text, for messages. They are quoted as a JSON string, so that unprintable characters are
 * escaped.
 */
export function excerptOf(text: string): string {
  const cut = text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}...` : text
  return JSON.stringify(cut)
}

function textOf(received: Received, url: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(received.bytes)
  } catch {
    throw unusable(url, received.describe('but not UTF-8'))
  }
}

function redirectSentence(location: unknown): string | undefined {
  if (typeof location !== 'string') return undefined
  return `a redirect to ${maskUrl(location)}, which is not followed`
}

/**
 * Returns the milliseconds that the header `Retry-After` asks for; undefined if it asks for none. The value of the header is a
 * number of seconds or a date (RFC 9110 section 10.2.3).
 */
function retryAfterOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return ms > 0 ? ms : undefined
}

function unreachable(url: string, reason: string, more: ProxyErrorDetails): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNREACHABLE', `GET ${url}: ${reason}`, more)
}

export function unusable(url: string, reason: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `GET ${url}: ${reason}`)
}

function ignore(): void {}
