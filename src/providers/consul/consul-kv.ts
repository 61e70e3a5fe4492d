import { maskUrl } from '../../base/credentials.js'
import { quote } from '../../base/messages.js'
import { jittered } from '../../base/timing.js'
import { ProxyError } from '../../model/errors.js'
import { DocumentClient, type DocumentClientOptions, firstValueOf } from '../http/document-client.js'
import { unusable } from '../http/read-response.js'
import type { KvEntry } from '../kv/kv-entry.js'

/** What a query found. */
export interface ConsulReading {
  /** The keys and values. The list is empty if no key exists. */
  readonly entries: readonly (KvEntry & { readonly revision: string })[]
  /** Consul's index (`X-Consul-Index`). A query with it waits for the next change. */
  readonly index: number
  /** The highest revision of the entries. */
  readonly newest: string
}

/** Which Consul agent is asked, and how. */
export interface ConsulKvOptions {
  readonly url: string
  readonly token: string | undefined
  /** Milliseconds that a query waits for a change. Each query adds or takes off up to a fifth at random. */
  readonly waitMs: number
  /** Bytes of all keys and values in one answer, at most. */
  readonly maxBytes: number
  readonly tls: DocumentClientOptions['tls'] | undefined
}

/** The share of its wait by which Consul may delay an answer, so that not all answers come at once. */
const HELD_BACK = 1 / 16

/** The share by which the waiting time of a query varies, so that many proxies do not ask at once. */
const JITTER = 0.2

/** Milliseconds that an answer may take once it is due. */
const ANSWER_MS = 3_000

/** Reads keys of Consul over HTTP. Source: Consul's HTTP API, its pages on the KV store and on blocking queries. */
export class ConsulKv {
  /** The agent's URL without credentials, for messages. */
  readonly url: string
  readonly #options: ConsulKvOptions
  /** For queries that are answered at once. */
  readonly #asking: DocumentClient
  /** For queries that wait for a change, with a longer timeout. */
  readonly #waiting: DocumentClient

  constructor(options: ConsulKvOptions) {
    this.url = maskUrl(options.url)
    this.#options = options
    const { waitMs, tls } = options
    const headers = {
      // Without compression, because Consul buffers an answer to compress it, and most answers are small.
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
   * Reads one key, or all keys that begin with a text. The read is consistent: Consul's leader answers it.
   *
   * @param what `key` is the one key; `below` is the text that all keys begin with
   * @param context with the index of an earlier answer as `after`, the query waits until Consul's index differs from it. It waits
   *   for `waitMs` at most, plus or minus a fifth
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if Consul does not answer
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for an answer that is too large, and for one that Consul would not give
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
   * Returns the names directly below a place, of keys and of folders, each name once.
   *
   * @param below the place, with a slash at its end
   * @param context as for `read`
   * @throws ProxyError as `read` does
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
   * Sends one query.
   *
   * @param how further parameters of the query
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
    // Consul leaves out keys that the token may not read. They would look deleted, so the whole answer is refused.
    if (firstValueOf(headers['x-consul-results-filtered-by-acls']) === 'true')
      throw unusable(String(url), FILTERED)
    return { body: status === 404 ? undefined : body, index, url: String(url) }
  }
}

/**
 * Returns the bytes of an answer's body, at most. In the body, values are in base64, and each pair adds about a hundred bytes. In
 * large answers, values take most of the space.
 */
function rawBytesOf(maxBytes: number): number {
  return Math.min(maxBytes * 10, Math.max(maxBytes * 2, 256 * 1024 * 1024))
}

/** A key as Consul's API returns it. The value is in base64. */
interface Pair {
  readonly Key: string
  readonly Value: string | null
  readonly ModifyIndex: number
}

const FILTERED = 'the token may not read all of these keys'

/**
 * Returns whether the token has no right to read the requested keys. Consul then answers 403, or it leaves keys out and sets the
 * header `X-Consul-Results-Filtered-By-ACLs`.
 */
export function isDeniedByConsul({ message }: Error): boolean {
  return message.startsWith('GET ') && (message.endsWith(FILTERED) || /^GET \S+: status 403\b/.test(message))
}

/** Returns the list in a body. @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a body that is not a JSON list */
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

/** Returns the entries in a body. @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a body that Consul would not send */
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
