import { pipeline } from 'node:stream'
import { createBrotliDecompress, createGunzip } from 'node:zlib'
import { type Dispatcher, request } from 'undici'
import { maskUrl } from '../../base/credentials.js'
import { asError, ProxyError, type ProxyErrorDetails } from '../../model/errors.js'
import { linkSignals } from '../linked-signal.js'

/** What a GET came to. */
export interface TextResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Whole for a 200; of a 404 the beginning; `''` for a 304. */
  readonly body: string
}

type Inspection = (bytes: Uint8Array) => string | undefined

export interface ReadLimits {
  /** Of the body, as it came and as it is when it was decompressed. */
  readonly maxBytes: number
  /** From the start to the last byte. */
  readonly timeoutMs: number
  /** Without a byte. */
  readonly idleTimeoutMs: number
  /** By the headers of a 200: what sees its body piece by piece, if anything; a reason makes the answer an unusable one. */
  readonly inspect?: (headers: TextResponse['headers']) => Inspection | undefined
}

/** How much of an unexpected answer an error quotes. */
const EXCERPT_LENGTH = 120

/**
 * GETs a text over HTTP, never following a redirect, with a limit on its time and size.
 *
 * @param headersOf its time counts, and its failure is one to get an answer
 * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if no 200, 304 or 404 came in time, `PROXY_CONFIG_UNUSABLE` if the
 * body is too long or no UTF-8; both say the URL, and the status and first bytes of what came
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
    // undici sees an abort only once it has a connection: one that is being made, or that others hold, may never come.
    const response = await unlessAborted(request(url, { headers, dispatcher, signal: either }), either)
    const { statusCode: status } = response
    body = response.body
    received.status = status
    // What is left of a body that was cut fails later, when nobody waits for it any more.
    body.on('error', ignore)
    const decoded = decode(one(response.headers['content-encoding']), idle.watch(body), shown)
    if (status === 200) {
      const flaw = await received.read(decoded, maxBytes, inspect?.(response.headers))
      if (flaw !== undefined) throw unusable(shown, received.describe(`the answer is ${flaw}`))
      return { status, headers: response.headers, body: textOf(received, shown) }
    }
    if (status !== 304) await received.read(decoded, EXCERPT_LENGTH)
    if (status === 304 || status === 404) return { status, headers: response.headers, body: received.start }
    const retryAfterMs = retryAfterOf(one(response.headers['retry-after']))
    throw unreachable(shown, received.describe(redirectSentence(response.headers['location'])), {
      retryAfterMs,
    })
  } catch (thrown) {
    if (thrown instanceof ProxyError || signal.aborted) throw thrown
    if (limit.signal.aborted)
      throw unreachable(shown, received.describe(`no whole answer within ${timeoutMs} ms`), { cause: thrown })
    if (idle.signal.aborted)
      throw unreachable(shown, received.describe(`not a byte for ${idleTimeoutMs} ms`), { cause: thrown })
    const { message, code = '' } = asError(thrown) as NodeJS.ErrnoException
    if (/^(Z_|ERR__ERROR_|ERR_BROTLI_)/.test(code))
      throw unusable(shown, received.describe(`wrongly compressed: ${message}`))
    throw unreachable(shown, received.describe(message || code || 'no answer'), { cause: thrown })
  } finally {
    limit.end()
    idle.end()
    unlink()
    // Of an answer that is not read to its end, or not at all: it would hold its connection for ever.
    body?.destroy()
  }
}

/** Ends what takes too long, or, where it watches, what is silent for too long. */
class TimeLimit {
  readonly #ending = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(limitMs: number) {
    this.#timer = setTimeout(() => this.#ending.abort(), Math.min(Math.ceil(limitMs), 2 ** 31 - 1)).unref()
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** The same bytes, each a sign of life. */
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

/** A body as it was before it was compressed for the way; in a stream, so that a bomb is counted as it unfolds. */
function decode(coding: string | undefined, body: AsyncIterable<Buffer>, url: string): AsyncIterable<Buffer> {
  if (coding === undefined || coding === 'identity') return body
  const decoders = { gzip: createGunzip, 'x-gzip': createGunzip, br: createBrotliDecompress }
  const make = Object.hasOwn(decoders, coding) ? decoders[coding as keyof typeof decoders] : undefined
  if (!make) throw unusable(url, `the answer is compressed by ${JSON.stringify(coding)}; expected gzip or br`)
  const decoder = make()
  pipeline(body, decoder, ignore)
  return decoder
}

function one(value: string | string[] | undefined): string | undefined {
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

/** As much of an answer as has come. */
class Received {
  status: number | undefined
  length = 0
  readonly #chunks: Buffer[] = []

  /** Reads to the end, or until there are more bytes than that, or a flaw is found. @returns why it went no further */
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

  /** A little more than is shown, byte for byte. */
  get start(): string {
    return Buffer.concat(this.#chunks, Math.min(this.length, EXCERPT_LENGTH + 1)).toString('latin1')
  }

  /** The status, the reason, and the first bytes: those of them that there are. */
  describe(reason: string | undefined): string {
    const status = this.status === undefined ? undefined : `status ${this.status}`
    const said = [status, reason].filter((part) => part !== undefined).join(', ')
    return this.length === 0 ? said : `${said}; it begins with ${excerptOf(this.start)}`
  }
}

/** The first characters of a text, for people: on one line, with what cannot be shown escaped. */
export function excerptOf(text: string): string {
  const cut = text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}...` : text
  return JSON.stringify(cut)
}

function textOf(received: Received, url: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(received.bytes)
  } catch {
    throw unusable(url, received.describe('but no UTF-8'))
  }
}

function redirectSentence(location: unknown): string | undefined {
  if (typeof location !== 'string') return undefined
  return `a redirect to ${maskUrl(location)}, which is not followed`
}

/** `Retry-After` is a number of seconds, or a date (RFC 9110 section 10.2.3). */
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
