import { maskUrl } from '../../base/credentials.js'
import { quote } from '../../base/messages.js'
import { jittered } from '../../base/timing.js'
import { ProxyError } from '../../model/errors.js'
import { DocumentClient, type DocumentClientOptions, firstValueOf } from '../http/document-client.js'
import { unusable } from '../http/read-response.js'
import type { KvEntry } from '../kv/kv-entry.js'

/** The result of a query to Consul. */
export interface ConsulReading {
  /** The keys that exist, with their values and revisions. The list is empty if no key exists. */
  readonly entries: readonly (KvEntry & { readonly revision: string })[]
  /** Consul's index of the answer (header `X-Consul-Index`). A query that sends this index waits for the next change. */
  readonly index: number
  /** The highest revision among the entries. */
  readonly newest: string
}

/** Options of a `ConsulKv`: which Consul agent it queries, and within which limits. */
export interface ConsulKvOptions {
  readonly url: string
  readonly token: string | undefined
  /** Milliseconds that a query waits for a change. Each query adds or subtracts a random share of up to a fifth. */
  readonly waitMs: number
  /** Maximum bytes of all keys and values in one answer. */
  readonly maxBytes: number
  readonly tls: DocumentClientOptions['tls'] | undefined
}

/** Consul may hold back an answer by this share of the query's waiting time, so that it does not send all answers at once. */
const HELD_BACK = 1 / 16

/** The share by which the waiting time of a query varies at random, so that many proxies do not send their queries at once. */
const JITTER = 0.2

/** Milliseconds that an answer may take, in addition to the time that the query waits for a change. */
const ANSWER_MS = 3_000

/**
 * Reads keys of Consul over HTTP. Source: the pages on the KV store and on blocking queries in Consul's HTTP API documentation.
 */
export class ConsulKv {
  /** The URL of the Consul agent without credentials, as messages show it. */
  readonly url: string
  readonly #options: ConsulKvOptions
  /** HTTP client for queries that Consul answers at once. */
  readonly #asking: DocumentClient
  /** HTTP client with a longer timeout, for queries that wait for a change. */
  readonly #waiting: DocumentClient

  constructor(options: ConsulKvOptions) {
    this.url = maskUrl(options.url)
    this.#options = options
    const { waitMs, tls } = options
    const headers = {
      // Ask for an answer without compression. Consul would buffer the whole answer to compress it, and most answers are small.
      'accept-encoding': 'identity',
      ...(options.token !== undefined && { 'x-consul-token': options.token }),
    }
    const client = (idleTimeoutMs: number) =>
      new DocumentClient({
        headers,
        idleTimeoutMs,
        timeoutMs: idleTimeoutMs + 30_000,
        maxBytes: rawBytesOf(options.maxBytes),
        ...(tls && { tls }),
      })
    this.#asking = client(ANSWER_MS)
    this.#waiting = client((1 + JITTER) * waitMs * (1 + HELD_BACK) + ANSWER_MS)
  }

  /**
   * Reads one key, or all keys that begin with a text. The read is consistent, which means that Consul's leader answers it.
   *
   * @param what `key` is the one key to read. `below` is the text with which all keys to read begin
   * @param context if `after` is the index of an earlier answer, the query waits until Consul's index differs from it. It waits
   *   for at most `waitMs`, plus or minus a fifth
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if Consul does not answer
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the answer is too large, or is not an answer that Consul would give
   */
  async read(
    what: { readonly key: string } | { readonly below: string },
    { signal, after = 0 }: { readonly signal: AbortSignal; readonly after?: number },
  ): Promise<ConsulReading> {
    const key = 'key' in what ? what.key : what.below
    const how: Readonly<Record<string, string>> = 'below' in what ? { recurse: '' } : {}
    const { body, index, url } = await this.#ask(key, how, signal, after)
    const entries = body === undefined ? [] : entriesOf(body, url)
    const stranger = entries.find((entry) => !entry.key.startsWith(key))
    if (stranger) throw unusable(url, `the answer has the key ${quote(stranger.key)}`)
    let bytes = 0
    for (const entry of entries) bytes += entry.key.length + entry.value.length
    if (bytes > this.#options.maxBytes)
      throw unusable(url, `the keys and values have more than ${this.#options.maxBytes} bytes`)
    let newest = 0
    for (const { revision } of entries) newest = Math.max(newest, Number(revision))
    return { entries, index, newest: String(newest) }
  }

  /**
   * Returns the names of the keys and folders that are directly below a folder. Each name is returned once.
   *
   * @param below the folder, with a slash at its end
   * @param context as in `read`
   * @throws ProxyError as in `read`
   */
  async names(
    below: string,
    { signal, after = 0 }: { readonly signal: AbortSignal; readonly after?: number },
  ): Promise<{ readonly names: readonly string[]; readonly index: number }> {
    const expected = 'expected a list of keys below the prefix'
    const { body, index, url } = await this.#ask(below, { keys: '', separator: '/' }, signal, after)
    const keys = body === undefined ? [] : listOf(body, url, expected)
    if (!keys.every((key): key is string => typeof key === 'string' && key.startsWith(below)))
      throw unusable(url, expected)
    const names = keys.filter((key) => key !== below).map((key) => key.slice(below.length).replace(/\/$/, ''))
    return { names: [...new Set(names)], index }
  }

  /**
   * Sends one query to Consul's KV store over HTTP.
   *
   * @param how further query parameters of the URL
   * @returns no body if the key does not exist
   */
  async #ask(
    key: string,
    how: Readonly<Record<string, string>>,
    signal: AbortSignal,
    after: number,
  ): Promise<{ readonly body: string | undefined; readonly index: number; readonly url: string }> {
    const url = new URL(`/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`, this.#options.url)
    url.searchParams.set('consistent', '')
    for (const [name, value] of Object.entries(how)) url.searchParams.set(name, value)
    if (after > 0) {
      const waitMs = jittered(this.#options.waitMs, JITTER)
      url.searchParams.set('index', String(after))
      url.searchParams.set('wait', `${Math.ceil(waitMs)}ms`)
    }
    const client = after > 0 ? this.#waiting : this.#asking
    const question = { accept: 'application/json', etag: undefined, isJson: () => true, signal }
    const { status, headers, body } = await client.get(String(url), question)
    const index = Number(firstValueOf(headers['x-consul-index']))
    if (!Number.isSafeInteger(index) || index < 0 || status === 304) {
      const message = `GET ${url}: status ${status} without X-Consul-Index: is this Consul?`
      throw new ProxyError('PROXY_CONFIG_UNREACHABLE', message)
    }
    // If the token may not read some of the keys, Consul leaves them out. They would look deleted, so the whole answer is
    // refused.
    if (firstValueOf(headers['x-consul-results-filtered-by-acls']) === 'true')
      throw unusable(String(url), FILTERED)
    return { body: status === 404 ? undefined : body, index, url: String(url) }
  }
}

/**
 * Returns the maximum bytes of an HTTP body whose keys and values have at most `maxBytes`. In the body, values are in base64, and
 * each key adds about a hundred bytes. In large answers, values take most of the space.
 */
function rawBytesOf(maxBytes: number): number {
  return Math.min(maxBytes * 10, Math.max(maxBytes * 2, 256 * 1024 * 1024))
}

/** The type of a key in an answer of Consul. Its value is in base64. */
interface Pair {
  readonly Key: string
  readonly Value: string | null
  readonly ModifyIndex: number
}

const FILTERED = 'the token may not read all of these keys'

/**
 * Returns whether the error means that the token has no right to read the requested keys. In this case, Consul answers 403, or it
 * leaves keys out and sets the header `X-Consul-Results-Filtered-By-ACLs`.
 */
export function isDeniedByConsul({ message }: Error): boolean {
  return message.startsWith('GET ') && (message.endsWith(FILTERED) || /^GET \S+: status 403\b/.test(message))
}

/** Parses an HTTP body that must be a JSON list. @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the body is anything else */
function listOf(body: string, url: string, expected: string): readonly unknown[] {
  let list: unknown
  try {
    list = JSON.parse(body)
  } catch (error) {
    throw unusable(url, `no JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(list)) throw unusable(url, expected)
  return list
}

/**
 * Parses an HTTP body to the keys and values in it.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if Consul would not send this body
 */
function entriesOf(body: string, url: string): ConsulReading['entries'] {
  const expected = 'expected a list of keys and values'
  const pairs = listOf(body, url, expected)
  if (!pairs.every(isPair)) throw unusable(url, expected)
  return pairs.map(({ Key, Value, ModifyIndex }) => ({
    key: Key,
    value: Buffer.from(Value ?? '', 'base64'),
    revision: String(ModifyIndex),
  }))
}

function isPair(value: unknown): value is Pair {
  const { Key, Value = null, ModifyIndex } = (value ?? {}) as Partial<Pair>
  return (
    typeof Key === 'string' &&
    (Value === null || typeof Value === 'string') &&
    Number.isSafeInteger(ModifyIndex)
  )
}
