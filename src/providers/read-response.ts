import { type Dispatcher, request } from 'undici'
import { asError, ProxyError } from '../model/errors.js'

/** What a GET came to. */
export interface TextResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Whole for a 200; of a 404 the beginning; `''` for a 304. */
  readonly body: string
}

export interface ReadLimits {
  readonly maxBytes: number
  readonly timeoutMs: number
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
  { maxBytes, timeoutMs }: ReadLimits,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<TextResponse> {
  const limit = AbortSignal.timeout(timeoutMs)
  const shown = withoutCredentials(url)
  const received = new Received()
  try {
    const either = AbortSignal.any([signal, limit])
    const headers = await unlessAborted(headersOf(), either)
    const response = await request(url, { headers, dispatcher, signal: either })
    const { statusCode: status, body } = response
    received.status = status
    // What is left of a body that was cut fails later, when nobody waits for it any more.
    body.on('error', ignore)
    if (status === 200) {
      await received.read(body, maxBytes)
      if (received.length > maxBytes) {
        throw unusable(shown, received.describe(`the answer is longer than ${maxBytes} bytes`))
      }
      return { status, headers: response.headers, body: textOf(received, shown) }
    }
    if (status !== 304) await received.read(body, EXCERPT_LENGTH)
    body.destroy()
    if (status === 304 || status === 404) return { status, headers: response.headers, body: received.start }
    throw unreachable(shown, received.describe(redirectSentence(response.headers['location'])))
  } catch (thrown) {
    if (thrown instanceof ProxyError || signal.aborted) throw thrown
    const reason = limit.aborted
      ? `no whole answer within ${timeoutMs} ms`
      : asError(thrown).message || (thrown as NodeJS.ErrnoException).code || 'no answer'
    throw unreachable(shown, received.describe(reason), thrown)
  }
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

  /** Reads to the end, or until there is more than that many bytes. */
  async read(body: AsyncIterable<Buffer>, maxBytes: number): Promise<void> {
    for await (const chunk of body) {
      this.#chunks.push(chunk)
      this.length += chunk.length
      if (this.length > maxBytes) return
    }
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

/** A URL as it may stand in a message. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//***@')
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
  return `a redirect to ${withoutCredentials(location)}, which is not followed`
}

function unreachable(url: string, reason: string, cause?: unknown): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNREACHABLE', `GET ${url}: ${reason}`, { cause })
}

export function unusable(url: string, reason: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `GET ${url}: ${reason}`)
}

function ignore(): void {}
