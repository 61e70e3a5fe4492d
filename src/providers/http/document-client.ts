import { createSecureContext } from 'node:tls'
import { Agent } from 'undici'
import { flagOption, onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { parseUrl } from '../../base/parse-url.js'
import { flawOfAuthority } from '../../base/written-url.js'
import { ProxyError } from '../../model/errors.js'
import { DEFAULT_MAX_BYTES, DOCUMENT_LIMITS, JsonCount } from '../json-limits.js'
import { getText, type ReadLimits, type TextResponse } from './read-response.js'

/** Options for fetching configuration documents over HTTP: the request's headers, TLS, and limits on responses. */
export interface DocumentClientOptions {
  /**
   * Header fields of every request. A function is called for each request, for example to get a new token.
   *
   * @default undefined
   * @example { authorization: 'Bearer 4711' }
   */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
  /**
   * The longest duration of one request, from its start to the last byte of the response, in milliseconds.
   *
   * @default 30_000
   */
  readonly timeoutMs?: number
  /**
   * The idle timeout: the longest time without a byte of the response, in milliseconds. It also limits the wait for the first
   * byte.
   *
   * @default 3_000
   */
  readonly idleTimeoutMs?: number
  /**
   * The largest body of one response in bytes, before and after decompression.
   *
   * @default 67_108_864 (64 MiB)
   */
  readonly maxBytes?: number
  /**
   * The deepest nesting of objects and arrays in a document. A valid document needs at most 8.
   *
   * @default 32
   */
  readonly maxDepth?: number
  /**
   * The largest number of values in a document: objects, arrays, and their
   * entries. The default allows about 400,000 frontends with a backend each.
   *
   * @default 5_000_000
   */
  readonly maxValues?: number
  /** TLS settings for an `https` URL, with certificates as PEM texts. @default the certificate authorities that Node trusts */
  readonly tls?: {
    /**
     * Certificates of the authorities that may sign the service's certificate.
     *
     * @default Node's root certificates
     */
    readonly ca?: string | Buffer
    /**
     * The certificate that the proxy presents to the HTTP server of the document (mutual TLS). It needs the option `key`.
     *
     * @default undefined
     */
    readonly cert?: string | Buffer
    /**
     * The private key of `cert`.
     *
     * @default undefined
     */
    readonly key?: string | Buffer
    /**
     * Whether any certificate of the service is accepted. If true,
     * an attacker on the network can read and change the documents.
     *
     * @default false
     */
    readonly insecureSkipVerify?: boolean
  }
}

/** The names of the options in `DocumentClientOptions`. */
export const DOCUMENT_CLIENT_OPTIONS = [
  'headers',
  'timeoutMs',
  'idleTimeoutMs',
  'maxBytes',
  'maxDepth',
  'maxValues',
  'tls',
] as const

/** A GET request for a document, without the URL. */
export interface DocumentQuestion {
  /** The value of the request header `Accept`. */
  readonly accept: string
  /** The ETag of the document that the proxy has already, if there is one. It lets the service answer with 304. */
  readonly etag: string | undefined
  /**
   * Returns whether the body of a response is JSON, by the response's headers. A JSON body is checked against the limits while it
   * arrives.
   */
  readonly isJson: (headers: TextResponse['headers']) => boolean
  readonly signal: AbortSignal
}

/** Fetches configuration documents over HTTP. */
export class DocumentClient {
  readonly #options: DocumentClientOptions

  constructor(options: DocumentClientOptions) {
    this.#options = options
  }

  /**
   * Sends one GET request over a new connection, and closes the connection afterwards. Requests are rare. A broken response must
   * neither block the next request nor keep the process running after the proxy was closed.
   *
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE`, `PROXY_CONFIG_UNUSABLE`; see `getText`
   */
  async get(url: string, question: DocumentQuestion): Promise<TextResponse> {
    const ended = new AbortController()
    const { insecureSkipVerify = false, ...tls } = this.#options.tls ?? {}
    // Passes the abort signal to Node's `connect`, because undici does not abort a connection that is being established.
    const connect = { ...tls, rejectUnauthorized: !insecureSkipVerify, signal: ended.signal } as NonNullable<
      Agent.Options['connect']
    >
    const agent = new Agent({ pipelining: 1, connections: 1, connect })
    try {
      const headersOf = () => this.#headers(question)
      return await getText(url, headersOf, this.#limits(question.isJson), question.signal, agent)
    } finally {
      ended.abort()
      agent.destroy().catch(() => {})
    }
  }

  #limits(isJson: DocumentQuestion['isJson']): ReadLimits {
    const { maxBytes = DEFAULT_MAX_BYTES, timeoutMs = 30_000, idleTimeoutMs = 3_000 } = this.#options
    const { maxDepth = DOCUMENT_LIMITS.maxDepth, maxValues = DOCUMENT_LIMITS.maxValues } = this.#options
    const count = new JsonCount({ maxDepth, maxValues })
    const inspect: ReadLimits['inspect'] = (headers) =>
      isJson(headers) ? (bytes) => count.take(bytes) : undefined
    return { maxBytes, timeoutMs, idleTimeoutMs, inspect }
  }

  async #headers({ accept, etag }: DocumentQuestion): Promise<Record<string, string>> {
    const { headers } = this.#options
    const own = typeof headers === 'function' ? await headers() : headers
    return {
      accept,
      'accept-encoding': 'gzip, br',
      ...own,
      ...(etag !== undefined && { 'if-none-match': etag }),
    }
  }
}

/**
 * Checks the limits and the TLS settings of a fetcher or provider.
 *
 * @param who the class that takes these options, for messages
 * @throws ProxyError `PROXY_OPTION_INVALID` if one of them is invalid
 */
export function checkDocumentClientOptions(options: DocumentClientOptions, who: string): void {
  for (const name of ['timeoutMs', 'idleTimeoutMs', 'maxBytes', 'maxDepth', 'maxValues'] as const) {
    positiveOption(options[name], `${who}: ${name}`)
  }
  if (options.tls !== undefined) checkTls(options.tls, who)
}

/**
 * Checks the TLS settings, with their certificates, when a fetcher or provider is made. At the first fetch, the operator may no
 * longer connect an error with its cause.
 */
function checkTls(tls: NonNullable<DocumentClientOptions['tls']>, who: string): void {
  onlyKnownOptions(tls, ['ca', 'cert', 'key', 'insecureSkipVerify'], `${who}: tls.`)
  flagOption(tls.insecureSkipVerify, `${who}: tls.insecureSkipVerify`)
  try {
    createSecureContext({ ...tls })
  } catch (error) {
    const message = `${who}: tls: expected PEM texts, of a certificate and its key: ${(error as Error).message}`
    throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
  }
}

/**
 * Returns what is wrong with a URL, as text for a message; undefined if the URL is valid.
 *
 * @param expected what the option accepts, in words for the message
 */
export function flawOfUrl(text: unknown, expected = 'a URL'): string | undefined {
  const url = typeof text === 'string' ? parseUrl(text) : undefined
  if (typeof text !== 'string' || !url) return `must be ${expected}, found ${describeValue(text)}`
  const { protocol, username, password } = url
  if (protocol !== 'http:' && protocol !== 'https:')
    return `must begin with http:// or https://, found ${protocol}`
  // Refuses credentials in the URL. They would not be sent, and the service would answer 401 every time.
  if (username !== '' || password !== '') return 'carries credentials; send them in headers'
  return flawOfAuthority(text)
}

/** Returns the first value of a header field that may occur several times. */
export function firstValueOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
