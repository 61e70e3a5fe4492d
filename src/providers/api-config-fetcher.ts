import { setTimeout as delay } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import { Agent } from 'undici'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { ConfigFetcher } from '../model/provider.js'
import { describeValue } from '../rules/document-shapes.js'
import { onlyKnownOptions, positiveOption } from '../rules/known-options.js'
import { JsonCount } from './json-limits.js'
import { excerptOf, getText, type ReadLimits, unusable, withoutCredentials } from './read-response.js'

/** Where a document is: a URL to which `?prefix=` is added, or that holds `{prefix}`; or a function from prefix to URL. */
export type ConfigUrl = string | ((prefix: string) => string)

export interface ApiConfigFetcherOptions {
  /** One URL for the whole document, or two for a service that serves frontends and backends apart. */
  readonly url: ConfigUrl | { readonly frontends: ConfigUrl; readonly backends: ConfigUrl }
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
  }
  /**
   * How long an answer for another prefix, a 404, or two halves that do not belong together are taken for lag behind
   * etcd and asked for again, in milliseconds. Default 5,000.
   */
  readonly lagGraceMs?: number
  /** Refuse answers that do not say which prefix they are for. Default false. */
  readonly requirePrefix?: boolean
}

/** Between two questions to an API that lags. */
const LAG_RETRY_MS = 200

/** A parsed answer. */
interface Answer {
  readonly url: string
  readonly document: Readonly<Record<string, unknown>>
}

/** An answer that may be right a moment later. */
class Lag {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** Fetches documents from the config API service, as docs/config-api.yaml describes it. */
export class ApiConfigFetcher implements ConfigFetcher {
  readonly #options: ApiConfigFetcherOptions
  /** Validators of the answers for one prefix, by URL; the first question for another prefix empties it. */
  readonly #validated = new Map<string, { etag: string; answer: Answer }>()
  #validatedPrefix: string | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` if a URL is none */
  constructor(options: ApiConfigFetcherOptions) {
    checkOptions(options)
    this.#options = options
  }

  /**
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` (no answer, or a status that is none), `PROXY_CONFIG_UNUSABLE` (an
   * answer that is no document), `PROXY_CONFIG_LAGGING` (still the wrong one after `lagGraceMs`)
   */
  async fetch(prefix: string, { signal }: { readonly signal: AbortSignal }): Promise<ProviderConfig> {
    const { lagGraceMs = 5_000 } = this.#options
    const start = performance.now()
    for (;;) {
      const result = await this.#fetchOnce(prefix, signal)
      if (!(result instanceof Lag)) return result
      if (performance.now() - start >= lagGraceMs) throw new ProxyError('PROXY_CONFIG_LAGGING', result.reason)
      await delay(LAG_RETRY_MS * (0.5 + Math.random()), undefined, { signal, ref: false })
    }
  }

  #fetchOnce(prefix: string, signal: AbortSignal): Promise<ProviderConfig | Lag> {
    const { url } = this.#options
    return typeof url === 'object'
      ? this.#fetchHalves(url, prefix, signal)
      : this.#fetchWhole(url, prefix, signal)
  }

  async #fetchWhole(url: ConfigUrl, prefix: string, signal: AbortSignal): Promise<ProviderConfig | Lag> {
    const answer = await this.#get(url, prefix, signal)
    return answer instanceof Lag ? answer : (answer.document as unknown as ProviderConfig)
  }

  /** Frontends and backends apart must be of one version; without a label, frontends must not change meanwhile. */
  async #fetchHalves(
    urls: { readonly frontends: ConfigUrl; readonly backends: ConfigUrl },
    prefix: string,
    signal: AbortSignal,
  ): Promise<ProviderConfig | Lag> {
    const front = await this.#get(urls.frontends, prefix, signal)
    if (front instanceof Lag) return front
    const back = await this.#get(urls.backends, prefix, signal)
    if (back instanceof Lag) return back
    const version = front.document['version']
    if (version !== back.document['version']) {
      const found = `${JSON.stringify(version)} and ${JSON.stringify(back.document['version'])}`
      return new Lag(`GET ${back.url}: frontends and backends are of different versions: ${found}`)
    }
    if (version === undefined) {
      const again = await this.#get(urls.frontends, prefix, signal)
      if (again instanceof Lag) return again
      if (!isDeepStrictEqual(again.document, front.document)) {
        return new Lag(`GET ${front.url}: the frontends changed while the backends were read`)
      }
    }
    // Each half with all its fields, so that one that nobody knows is refused, not dropped on the way.
    const whole = { ...back.document, ...front.document, backends: back.document['backends'] }
    const { prefix: named, ...unverified } = whole as { prefix?: unknown }
    const verified = named !== undefined && back.document['prefix'] !== undefined
    return (verified ? whole : unverified) as unknown as ProviderConfig
  }

  /**
   * On a connection of its own, which ends with it: questions are rare, and what a broken answer leaves behind must
   * neither hold up the next one nor keep a process running after the proxy was closed.
   */
  async #getText(url: string, headersOf: () => Promise<Record<string, string>>, signal: AbortSignal) {
    const ended = new AbortController()
    const { tls } = this.#options
    // The signal is node's, for undici does not give up a connection that is being made.
    const connect = { ...tls, signal: ended.signal } as NonNullable<Agent.Options['connect']>
    const agent = new Agent({ pipelining: 1, connections: 1, connect })
    try {
      return await getText(url, headersOf, this.#limits(), signal, agent)
    } finally {
      ended.abort()
      agent.destroy().catch(() => {})
    }
  }

  async #get(target: ConfigUrl, prefix: string, signal: AbortSignal): Promise<Answer | Lag> {
    const url = urlFor(target, prefix)
    const known = this.#validatorsFor(prefix).get(url)
    const headersOf = () => this.#headers(known?.etag)
    const response = await this.#getText(url, headersOf, signal)
    const shown = withoutCredentials(url)
    if (response.status === 304) {
      if (known) return known.answer
      throw unusable(shown, 'status 304 for a question without a validator')
    }
    if (response.status === 404) {
      const begins = response.body === '' ? '' : `; it begins with ${excerptOf(response.body)}`
      return new Lag(`GET ${shown}: status 404, there is nothing under this prefix${begins}`)
    }
    const document = parseDocument(response.body, shown)
    const named = document['prefix'] ?? one(response.headers['x-config-prefix'])
    if (named !== undefined && named !== prefix) {
      return new Lag(
        `GET ${shown}: the answer is for ${JSON.stringify(named)}, asked for was ${JSON.stringify(prefix)}`,
      )
    }
    if (named === undefined && this.#options.requirePrefix)
      throw unusable(shown, 'the answer does not say its prefix')
    const answer = { url: shown, document: named === undefined ? document : { ...document, prefix } }
    const etag = one(response.headers['etag'])
    if (etag !== undefined) this.#validatorsFor(prefix).set(url, { etag, answer })
    return answer
  }

  #limits(): ReadLimits {
    const { maxBytes = 64 * 1024 * 1024, timeoutMs = 30_000, idleTimeoutMs = 3_000 } = this.#options
    const { maxDepth = 32, maxValues = 5_000_000 } = this.#options
    const count = new JsonCount({ maxDepth, maxValues })
    return { maxBytes, timeoutMs, idleTimeoutMs, inspect: (bytes) => count.take(bytes) }
  }

  #validatorsFor(prefix: string) {
    if (this.#validatedPrefix !== prefix) this.#validated.clear()
    this.#validatedPrefix = prefix
    return this.#validated
  }

  async #headers(etag: string | undefined): Promise<Record<string, string>> {
    const { headers } = this.#options
    const own = typeof headers === 'function' ? await headers() : headers
    return {
      accept: 'application/json',
      'accept-encoding': 'gzip, br',
      ...own,
      ...(etag !== undefined && { 'if-none-match': etag }),
    }
  }
}

const OPTIONS = [
  'url',
  'headers',
  'timeoutMs',
  'idleTimeoutMs',
  'maxBytes',
  'maxDepth',
  'maxValues',
  'tls',
  'lagGraceMs',
  'requirePrefix',
] as const

function checkOptions(options: ApiConfigFetcherOptions): void {
  onlyKnownOptions(options, OPTIONS, 'ApiConfigFetcher: ')
  for (const url of urlsOf(options.url)) {
    if (typeof url === 'function') continue
    const flaw = flawOfUrl(url)
    if (flaw) throw new ProxyError('PROXY_OPTION_INVALID', `ApiConfigFetcher: the url ${flaw}`)
  }
  for (const name of ['timeoutMs', 'idleTimeoutMs', 'maxBytes', 'maxDepth', 'maxValues'] as const) {
    positiveOption(options[name], `ApiConfigFetcher: ${name}`)
  }
  if (options.tls !== undefined) checkTls(options.tls)
  if (options.lagGraceMs !== 0) positiveOption(options.lagGraceMs, 'ApiConfigFetcher: lagGraceMs')
}

/** Now, not at the first fetch, which is when the files of a new deployment have long been forgotten. */
function checkTls(tls: NonNullable<ApiConfigFetcherOptions['tls']>): void {
  onlyKnownOptions(tls, ['ca', 'cert', 'key'], 'ApiConfigFetcher: tls.')
  try {
    createSecureContext({ ...tls })
  } catch (error) {
    const message = `ApiConfigFetcher: tls: expected PEM texts, of a certificate and its key: ${(error as Error).message}`
    throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
  }
}

function flawOfUrl(text: unknown): string | undefined {
  const filled = typeof text === 'string' ? text.replaceAll('{prefix}', 'x') : ''
  if (!URL.canParse(filled)) return `must be a URL or a function, found ${describeValue(text)}`
  const { protocol, username, password } = new URL(filled)
  if (protocol !== 'http:' && protocol !== 'https:')
    return `must begin with http:// or https://, found ${protocol}`
  // They would be dropped without a word, and the API would answer 401 for ever.
  if (username !== '' || password !== '') return 'carries credentials; send them in headers'
  return undefined
}

function urlsOf(url: ApiConfigFetcherOptions['url']): ConfigUrl[] {
  return typeof url === 'object' && url !== null ? [url.frontends, url.backends] : [url]
}

function urlFor(target: ConfigUrl, prefix: string): string {
  if (typeof target === 'function') return target(prefix)
  const encoded = encodeURIComponent(prefix)
  if (target.includes('{prefix}')) return target.replaceAll('{prefix}', encoded)
  return `${target}${target.includes('?') ? '&' : '?'}prefix=${encoded}`
}

function parseDocument(body: string, url: string): Readonly<Record<string, unknown>> {
  let document: unknown
  try {
    document = JSON.parse(body)
  } catch (error) {
    throw unusable(
      url,
      `status 200, but no JSON (${(error as Error).message}); it begins with ${excerptOf(body)}`,
    )
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    return document as Readonly<Record<string, unknown>>
  }
  throw unusable(url, `status 200, but no object; it begins with ${excerptOf(body)}`)
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
