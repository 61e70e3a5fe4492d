import { createSecureContext } from 'node:tls'
import { Agent } from 'undici'
import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { parseUrl } from '../../base/parse-url.js'
import { flawOfAuthority } from '../../base/written-url.js'
import { ProxyError } from '../../model/errors.js'
import { DOCUMENT_LIMITS, JsonCount } from '../json-limits.js'
import { getText, type ReadLimits, type TextResponse } from './read-response.js'

/** How a service is asked for documents, and what its answers may take. */
export interface DocumentClientOptions {
  /** Sent with every request; a function is asked anew each time (for tokens). */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
  /** For one request, from its start to the last byte, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number
  /** Without a byte, in milliseconds. Default 3,000. */
  readonly idleTimeoutMs?: number
  /** Of one answer, also after decompression. Default 64 MiB. */
  readonly maxBytes?: number
  /** Objects and arrays within each other. Default 32; a document needs 8. */
  readonly maxDepth?: number
  /** Objects, arrays, and what is in them. Default 5,000,000: some 400,000 frontends with a backend each. */
  readonly maxValues?: number
  /** PEM texts, for an `https` url. Without `ca`, Node's root certificates; `cert` and `key` show who asks. */
  readonly tls?: {
    readonly ca?: string | Buffer
    readonly cert?: string | Buffer
    readonly key?: string | Buffer
    /** Takes any certificate of the service's: whoever is on the way may read and change what is said. Default false. */
    readonly insecureSkipVerify?: boolean
  }
}

/** The names of these options. */
export const DOCUMENT_CLIENT_OPTIONS = [
  'headers',
  'timeoutMs',
  'idleTimeoutMs',
  'maxBytes',
  'maxDepth',
  'maxValues',
  'tls',
] as const

/** One question. */
export interface DocumentQuestion {
  readonly accept: string
  /** Of what is known already: the answer may be 304. */
  readonly etag: string | undefined
  /** Whether an answer is JSON, so that what it holds can be counted while it comes in. */
  readonly isJson: (headers: TextResponse['headers']) => boolean
  readonly signal: AbortSignal
}

/** GETs documents over HTTP. */
export class DocumentClient {
  readonly #options: DocumentClientOptions

  constructor(options: DocumentClientOptions) {
    this.#options = options
  }

  /**
   * On a connection of its own, which ends with it: questions are rare, and what a broken answer leaves behind must
   * neither hold up the next one nor keep a process running after the proxy was closed.
   *
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE`, `PROXY_CONFIG_UNUSABLE`; see `getText`
   */
  async get(url: string, question: DocumentQuestion): Promise<TextResponse> {
    const ended = new AbortController()
    const { insecureSkipVerify = false, ...tls } = this.#options.tls ?? {}
    // The signal is node's, for undici does not give up a connection that is being made.
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
    const { maxBytes = 64 * 1024 * 1024, timeoutMs = 30_000, idleTimeoutMs = 3_000 } = this.#options
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

/** @param who whose options these are, for messages @throws ProxyError `PROXY_OPTION_INVALID` */
export function checkDocumentClientOptions(options: DocumentClientOptions, who: string): void {
  for (const name of ['timeoutMs', 'idleTimeoutMs', 'maxBytes', 'maxDepth', 'maxValues'] as const) {
    positiveOption(options[name], `${who}: ${name}`)
  }
  if (options.tls !== undefined) checkTls(options.tls, who)
}

/** Now, not at the first fetch, which is when the files of a new deployment have long been forgotten. */
function checkTls(tls: NonNullable<DocumentClientOptions['tls']>, who: string): void {
  onlyKnownOptions(tls, ['ca', 'cert', 'key', 'insecureSkipVerify'], `${who}: tls.`)
  const { insecureSkipVerify = false } = tls
  if (typeof insecureSkipVerify !== 'boolean') {
    const found = describeValue(insecureSkipVerify)
    const message = `${who}: tls.insecureSkipVerify: expected true or false, found ${found}`
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }
  try {
    createSecureContext({ ...tls })
  } catch (error) {
    const message = `${who}: tls: expected PEM texts, of a certificate and its key: ${(error as Error).message}`
    throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
  }
}

/** What is wrong with a URL, if anything. @param expected in words, where it may be something else too */
export function flawOfUrl(text: unknown, expected = 'a URL'): string | undefined {
  const url = typeof text === 'string' ? parseUrl(text) : undefined
  if (typeof text !== 'string' || !url) return `must be ${expected}, found ${describeValue(text)}`
  const { protocol, username, password } = url
  if (protocol !== 'http:' && protocol !== 'https:')
    return `must begin with http:// or https://, found ${protocol}`
  // They would be dropped without a word, and the service would answer 401 for ever.
  if (username !== '' || password !== '') return 'carries credentials; send them in headers'
  return flawOfAuthority(text)
}

/** One line of a header. */
export function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
