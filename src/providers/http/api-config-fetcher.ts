import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { maskUrl } from '../../base/credentials.js'
import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { jittered } from '../../base/timing.js'
import { flawOfAuthority } from '../../base/written-url.js'
import type { ProviderConfig } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { ConfigFetcher } from '../../model/provider.js'
import {
  checkDocumentClientOptions,
  DOCUMENT_CLIENT_OPTIONS,
  DocumentClient,
  type DocumentClientOptions,
  flawOfUrl,
  one,
} from './document-client.js'
import { excerptOf, unusable } from './read-response.js'

/** Where a document is: a URL to which `?prefix=` is added, or that holds `{prefix}`; or a function from prefix to URL. */
export type ConfigUrl = string | ((prefix: string) => string)

export interface ApiConfigFetcherOptions extends DocumentClientOptions {
  /** One URL for the whole document, or two for a service that serves frontends and backends apart. */
  readonly url: ConfigUrl | { readonly frontends: ConfigUrl; readonly backends: ConfigUrl }
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
  readonly #client: DocumentClient
  /** Validators of the answers for one prefix, by URL; the first question for another prefix empties it. */
  readonly #validated = new Map<string, { etag: string; answer: Answer }>()
  #validatedPrefix: string | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` if a URL is none */
  constructor(options: ApiConfigFetcherOptions) {
    checkOptions(options)
    this.#options = options
    this.#client = new DocumentClient(options)
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

  async #get(target: ConfigUrl, prefix: string, signal: AbortSignal): Promise<Answer | Lag> {
    const url = urlFor(target, prefix)
    const known = this.#validatorsFor(prefix).get(url)
    const question = { accept: 'application/json', etag: known?.etag, isJson: () => true, signal }
    const response = await this.#client.get(url, question)
    const shown = maskUrl(url)
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

function urlFor(target: ConfigUrl, prefix: string): string {
  if (typeof target === 'function') return readAsWritten(target(prefix))
  const encoded = encodeURIComponent(prefix)
  if (target.includes('{prefix}')) return target.replaceAll('{prefix}', encoded)
  return `${target}${target.includes('?') ? '&' : '?'}prefix=${encoded}`
}

/** One that a function made is looked at when it is there. */
function readAsWritten(url: string): string {
  const flaw = flawOfAuthority(url)
  if (!flaw) return url
  const message = `the url ${JSON.stringify(maskUrl(url))} ${flaw}`
  throw new ProxyError('PROXY_CONFIG_UNREACHABLE', message)
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
