import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { maskUrl } from '../../base/credentials.js'
import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { jittered } from '../../base/timing.js'
import type { ProviderConfig } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { ConfigFetcher } from '../../model/provider.js'
import { type ConfigUrl, urlFor } from './config-url.js'
import {
  checkDocumentClientOptions,
  DOCUMENT_CLIENT_OPTIONS,
  DocumentClient,
  type DocumentClientOptions,
  firstValueOf,
  flawOfUrl,
} from './document-client.js'
import { excerptOf, unusable } from './read-response.js'

/** Options of {@link ApiConfigFetcher}, which fetches configuration documents from a config API. */
export interface ApiConfigFetcherOptions extends DocumentClientOptions {
  /**
   * The URL of the whole document, or two URLs for a service that serves frontends and backends separately.
   *
   * @example { frontends: 'https://config.test/frontends', backends: 'https://config.test/backends' }
   */
  readonly url: ConfigUrl | { readonly frontends: ConfigUrl; readonly backends: ConfigUrl }
  /**
   * Milliseconds for which the fetcher repeats a request, because the config API may lag behind etcd. It repeats the request
   * after a response for another prefix, after a 404, and after frontends and backends that do not belong together.
   *
   * @default 5_000
   */
  readonly lagGraceMs?: number
  /**
   * Whether each response must name the prefix that it is for, in its field `prefix` or its header `X-Config-Prefix`. If true, a
   * response that names no prefix is refused.
   *
   * @default false
   */
  readonly requirePrefix?: boolean
}

/** Average milliseconds between two requests while the config API lags behind etcd. */
const LAG_RETRY_MS = 200

/** A parsed response of the config API. */
interface Answer {
  readonly url: string
  readonly document: Readonly<Record<string, unknown>>
}

/** The outcome of a request that may succeed a moment later, because the config API lags behind etcd. */
class Lag {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/**
 * Fetches configuration documents from a config API, an HTTP service whose interface `docs/config-api.yaml` describes.
 *
 * @example
 * ```ts
 * const fetcher = new ApiConfigFetcher({
 *   url: 'https://config.test/traefik-config',
 *   headers: async () => ({ authorization: `Bearer ${await currentToken()}` }),
 * })
 * const proxy = createProxy({ providers: [new EtcdAliasProvider({ hosts, aliasKey, fetcher })] })
 * ```
 */
export class ApiConfigFetcher implements ConfigFetcher {
  readonly #options: ApiConfigFetcherOptions
  readonly #client: DocumentClient
  /** Responses and their ETags by URL, for the prefix that was requested last. A request for another prefix empties the map. */
  readonly #validated = new Map<string, { etag: string; answer: Answer }>()
  #validatedPrefix: string | undefined

  /**
   * Makes a fetcher, which sends no request before `fetch` is called.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, an invalid URL, or a number out of range
   */
  constructor(options: ApiConfigFetcherOptions) {
    checkOptions(options)
    this.#options = options
    this.#client = new DocumentClient(options)
  }

  /**
   * Fetches the configuration document under a prefix. While the config API lags behind etcd, repeats the request for at most
   * `lagGraceMs`.
   *
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if no response came, or one with an unexpected status
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the response is not a document
   * @throws ProxyError `PROXY_CONFIG_LAGGING` if the config API still lags after `lagGraceMs`
   */
  async fetch(prefix: string, { signal }: { readonly signal: AbortSignal }): Promise<ProviderConfig> {
    const { lagGraceMs = 5_000 } = this.#options
    const start = performance.now()
    for (;;) {
      const result = await this.#fetchOnce(prefix, signal)
      if (!(result instanceof Lag)) return result
      if (performance.now() - start >= lagGraceMs) throw new ProxyError('PROXY_CONFIG_LAGGING', result.reason)
      await delay(jittered(LAG_RETRY_MS, 0.5), undefined, { signal, ref: false })
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

  /**
   * Fetches the frontends from one URL and the backends from another. Both must have the same version. If they have no version,
   * the frontends are fetched once more and must not have changed.
   */
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
    // Merges both halves of the document with all their fields. The validation then refuses an unknown field, instead of this
    // code dropping it.
    const whole = { ...back.document, ...front.document, backends: back.document['backends'] }
    const { prefix: named, ...unverified } = whole as { prefix?: unknown }
    const verified = named !== undefined && back.document['prefix'] !== undefined
    return (verified ? whole : unverified) as unknown as ProviderConfig
  }

  async #get(target: ConfigUrl, prefix: string, signal: AbortSignal): Promise<Answer | Lag> {
    const url = urlFor(target, prefix)
    const known = this.#validatorsFor(prefix).get(url)
    const question = { accept: 'application/json', etag: known?.etag, isJson: () => true, signal }
    const response = await this.#client.get(url, question)
    const shown = maskUrl(url)
    if (response.status === 304) {
      if (known) return known.answer
      throw unusable(shown, 'status 304 for a request without If-None-Match')
    }
    if (response.status === 404) {
      const begins = response.body === '' ? '' : `; it begins with ${excerptOf(response.body)}`
      return new Lag(`GET ${shown}: status 404, there is nothing under this prefix${begins}`)
    }
    const document = parseDocument(response.body, shown)
    const named = document['prefix'] ?? firstValueOf(response.headers['x-config-prefix'])
    if (named !== undefined && named !== prefix) {
      return new Lag(
        `GET ${shown}: the answer is for ${JSON.stringify(named)}, the request was for ${JSON.stringify(prefix)}`,
      )
    }
    if (named === undefined && this.#options.requirePrefix)
      throw unusable(shown, 'the answer does not say its prefix')
    const answer = { url: shown, document: named === undefined ? document : { ...document, prefix } }
    const etag = firstValueOf(response.headers['etag'])
    if (etag !== undefined) this.#validatorsFor(prefix).set(url, { etag, answer })
    return answer
  }

  #validatorsFor(prefix: string) {
    if (this.#validatedPrefix !== prefix) this.#validated.clear()
    this.#validatedPrefix = prefix
    return this.#validated
  }
}

const OPTIONS = ['url', ...DOCUMENT_CLIENT_OPTIONS, 'lagGraceMs', 'requirePrefix'] as const

function checkOptions(options: ApiConfigFetcherOptions): void {
  onlyKnownOptions(options, OPTIONS, 'ApiConfigFetcher: ')
  for (const url of urlsOf(options.url)) {
    if (typeof url === 'function') continue
    const flaw = flawOfUrl(
      typeof url === 'string' ? url.replaceAll('{prefix}', 'x') : url,
      'a URL or a function',
    )
    if (flaw) throw new ProxyError('PROXY_OPTION_INVALID', `ApiConfigFetcher: the url ${flaw}`)
  }
  checkDocumentClientOptions(options, 'ApiConfigFetcher')
  if (options.lagGraceMs !== 0) positiveOption(options.lagGraceMs, 'ApiConfigFetcher: lagGraceMs')
}

function urlsOf(url: ApiConfigFetcherOptions['url']): ConfigUrl[] {
  return typeof url === 'object' && url !== null ? [url.frontends, url.backends] : [url]
}

function parseDocument(body: string, url: string): Readonly<Record<string, unknown>> {
  let document: unknown
  try {
    document = JSON.parse(body)
  } catch (error) {
    throw unusable(
      url,
      `status 200, but not JSON (${(error as Error).message}); it begins with ${excerptOf(body)}`,
    )
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    return document as Readonly<Record<string, unknown>>
  }
  throw unusable(url, `status 200, but not an object; it begins with ${excerptOf(body)}`)
}
