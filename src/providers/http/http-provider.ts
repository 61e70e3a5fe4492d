import { maskUrl } from '../../base/credentials.js'
import { flagOption, onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { present } from '../../base/records.js'
import { jittered, pause } from '../../base/timing.js'
import type { ProviderConfig } from '../../model/config.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { withFieldCase } from '../../validation/with-field-case.js'
import { Backoff } from '../backoff.js'
import type { JsonLimits } from '../json-limits.js'
import { type DocumentFormat, formatOf, parseText } from '../parse-document.js'
import {
  checkDocumentClientOptions,
  DOCUMENT_CLIENT_OPTIONS,
  DocumentClient,
  type DocumentClientOptions,
  firstValueOf,
  flawOfUrl,
} from './document-client.js'
import type { TextResponse } from './read-response.js'

/** Options of {@link HttpProvider}. Source: Traefik 3's `providers.http`. */
export interface HttpProviderOptions extends DocumentClientOptions {
  /**
   * The URL of the configuration document. The document is JSON, YAML or TOML, as the header `Content-Type` says. If the header
   * names no format, the ending of the URL's path decides, and otherwise the document is JSON.
   *
   * @example 'https://config.test/rules.toml'
   */
  readonly url: string
  /**
   * Average milliseconds from the end of one request to the next. Each wait is up to a fifth shorter or longer.
   *
   * @default 5_000
   */
  readonly pollIntervalMs?: number
  /**
   * The provider's name. It must be unique among the proxy's providers and contain no `@`.
   *
   * @default 'http'
   */
  readonly name?: string
  /**
   * Whether a document without frontends may go live.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
}

const OPTIONS = ['url', 'pollIntervalMs', 'name', 'allowEmpty', ...DOCUMENT_CLIENT_OPTIONS] as const

/** Shortest and longest backoff delay, in milliseconds, after a failed request. */
const RETRY_MS = { min: 500, max: 30_000 } as const

/**
 * Polls one URL, and delivers the configuration document that the URL returns.
 *
 * @example
 * ```ts
 * const provider = new HttpProvider({ url: 'https://config.test/routes.yaml', pollIntervalMs: 10_000 })
 * const proxy = createProxy({ providers: [provider] })
 * ```
 */
export class HttpProvider implements Provider {
  /** The provider's name, unique among the proxy's providers. */
  readonly name: string
  /** Whether a document without frontends may go live. */
  readonly allowEmpty: boolean
  readonly #url: string
  readonly #shown: string
  readonly #limits: Partial<JsonLimits>
  readonly #intervalMs: number
  readonly #client: DocumentClient
  readonly #backoff = new Backoff(RETRY_MS.min, RETRY_MS.max)
  #stopped = new AbortController()
  #etag: string | undefined
  /** The body of the last 200 response, even if its document was refused. The same body is not delivered again. */
  #body: string | undefined
  #isUnavailable = false

  /**
   * Makes a provider that polls a URL. The provider starts when the proxy starts.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, an invalid URL, or a value of the wrong type or range
   */
  constructor(options: HttpProviderOptions) {
    checkOptions(options)
    this.name = options.name ?? 'http'
    this.allowEmpty = options.allowEmpty ?? false
    this.#url = options.url
    this.#shown = maskUrl(options.url)
    this.#limits = present({ maxDepth: options.maxDepth, maxValues: options.maxValues })
    this.#intervalMs = options.pollIntervalMs ?? 5_000
    this.#client = new DocumentClient(options)
  }

  /** Begins to poll the URL. The promise resolves without waiting for the first response. */
  async start(sink: ConfigSink): Promise<void> {
    this.#stopped = new AbortController()
    void this.#poll(sink, this.#stopped.signal)
  }

  /** Aborts the request in progress and stops polling. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#etag = undefined
    this.#body = undefined
    this.#isUnavailable = false
  }

  /** Polls the URL until the signal aborts. The promise never rejects. */
  async #poll(sink: ConfigSink, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#ask(sink, signal)
      // Waits for a random time. With equal waits, ten thousand proxies that started together would always send their requests
      // together.
      await pause(waitMs, signal)
    }
  }

  /**
   * Fetches the document once and delivers it if it changed.
   *
   * @returns the milliseconds to wait until the next request
   */
  async #ask(sink: ConfigSink, signal: AbortSignal): Promise<number> {
    const nextMs = jittered(this.#intervalMs, 0.2)
    const started = performance.now()
    let response: TextResponse
    try {
      const question = { accept: ACCEPT, etag: this.#etag, isJson: this.#isJson, signal }
      response = await this.#client.get(this.#url, question)
      if (response.status === 404) throw notFound(this.#shown)
    } catch (thrown) {
      if (signal.aborted) return 0
      return this.#failed(sink, asError(thrown), nextMs)
    }
    this.#backoff.reset()
    if (this.#isUnavailable) sink.recovered()
    this.#isUnavailable = false
    if (!signal.aborted && response.status === 200)
      await this.#deliver(sink, response, performance.now() - started, signal)
    return nextMs
  }

  /** Returns the format of the document in a response, which decides how the document is parsed and counted. */
  #formatOf(headers: TextResponse['headers']): DocumentFormat {
    return (
      formatOfType(firstValueOf(headers['content-type'])) ?? formatOf(new URL(this.#url).pathname) ?? 'json'
    )
  }

  readonly #isJson = (headers: TextResponse['headers']): boolean => this.#formatOf(headers) === 'json'

  #failed(sink: ConfigSink, error: Error, nextMs: number): number {
    const { source, retryAfterMs = 0 } = error as Partial<ProxyError>
    if (source === 'config') {
      sink.reject(error as ProxyError)
      return nextMs
    }
    this.#isUnavailable = true
    sink.unavailable(error)
    return Math.max(this.#backoff.next(), Math.min(retryAfterMs, RETRY_MS.max))
  }

  async #deliver(
    sink: ConfigSink,
    { headers, body }: TextResponse,
    fetch: number,
    signal: AbortSignal,
  ): Promise<void> {
    this.#etag = firstValueOf(headers['etag'])
    // Delivers nothing if the body is the same as at the last poll. A server without ETags sends it at every poll.
    if (body === this.#body) return
    this.#body = body
    const fetched = performance.now()
    try {
      const limits = { ...this.#limits, signal }
      const parsed = await parseText(body, this.#formatOf(headers), `GET ${this.#shown}`, limits)
      if (signal.aborted) return
      const document = withFieldCase(parsed)
      void sink.update(document as ProviderConfig, { steps: { fetch, parse: performance.now() - fetched } })
    } catch (thrown) {
      if (!signal.aborted) sink.reject(thrown as ProxyError)
    }
  }
}

const ACCEPT = 'application/json, application/yaml;q=0.9, application/toml;q=0.9, */*;q=0.1'

/** Returns the document format that a `Content-Type` names (RFC 9512 for YAML); undefined if it names none. */
function formatOfType(type = ''): DocumentFormat | undefined {
  const [, name] = /^[^;]*\b(json|yaml|toml)\b/i.exec(type) ?? []
  return name?.toLowerCase() as DocumentFormat | undefined
}

function notFound(url: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNREACHABLE', `GET ${url}: status 404`)
}

function checkOptions(options: HttpProviderOptions): void {
  onlyKnownOptions(options, OPTIONS, 'HttpProvider: ')
  const flaw = flawOfUrl(options.url)
  if (flaw) throw new ProxyError('PROXY_OPTION_INVALID', `HttpProvider: the url ${flaw}`)
  positiveOption(options.pollIntervalMs, 'HttpProvider: pollIntervalMs')
  flagOption(options.allowEmpty, 'HttpProvider: allowEmpty')
  checkDocumentClientOptions(options, 'HttpProvider')
}
