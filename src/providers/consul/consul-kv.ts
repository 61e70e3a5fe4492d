import { quote } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { DocumentClient, type DocumentClientOptions, one } from '../http/document-client.js'
import { unusable, withoutCredentials } from '../http/read-response.js'
import type { KvEntry } from '../kv/kv-entry.js'

/** What a query came to. */
export interface ConsulReading {
  /** By key; none if there are none. */
  readonly entries: readonly (KvEntry & { readonly revision: string })[]
  /** What a query that waits for the next change is asked with. */
  readonly index: number
  /** The newest of the entries' revisions. */
  readonly newest: string
}

export interface ConsulKvOptions {
  readonly url: string
  readonly token: string | undefined
  readonly waitMs: number
  readonly maxBytes: number
  readonly tls: DocumentClientOptions['tls'] | undefined
}

/** An answer is held back by so much more of the time that it was asked to wait, so that not all come at once. */
const HELD_BACK = 1 / 16

/** Queries wait for `waitMs`, and up to so much longer or less, so that many proxies do not ask at once. */
const JITTER = 0.2

/** For an answer that is due. */
const ANSWER_MS = 3_000

/** Consul's keys over HTTP. Source: Consul's API, KV store and blocking queries. */
export class ConsulKv {
  /** For messages. */
  readonly url: string
  readonly #options: ConsulKvOptions
  readonly #asking: DocumentClient
  readonly #waiting: DocumentClient

  constructor(options: ConsulKvOptions) {
    this.url = withoutCredentials(options.url)
    this.#options = options
    const { waitMs, tls } = options
    const headers = {
      // It compresses what waits in a buffer of its own, which is no use for small answers.
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
   * Reads a key, or all keys that begin with a text, as its leader has them.
   *
   * @param after waits until the index is no more this one, for `waitMs` at most, give or take a fifth
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE`, `PROXY_CONFIG_UNUSABLE`
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
      throw unusable(url, `the keys and values are more than ${this.#options.maxBytes} bytes`)
    let newest = 0
    for (const { revision } of entries) newest = Math.max(newest, Number(revision))
    return { entries, index, newest: String(newest) }
  }

  /**
   * The names of what stands directly below a place, whether keys or folders, each once.
   *
   * @param below ends with a slash
   * @param after as for `read`
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE`, `PROXY_CONFIG_UNUSABLE`
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

  /** Without a body there is no such key. */
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
      const waitMs = this.#options.waitMs * (1 - JITTER + Math.random() * 2 * JITTER)
      url.searchParams.set('index', String(after))
      url.searchParams.set('wait', `${Math.ceil(waitMs)}ms`)
    }
    const client = after > 0 ? this.#waiting : this.#asking
    const question = { accept: 'application/json', etag: undefined, isJson: () => true, signal }
    const { status, headers, body } = await client.get(String(url), question)
    const index = Number(one(headers['x-consul-index']))
    if (!Number.isSafeInteger(index) || index < 0 || status === 304) {
      const message = `GET ${url}: status ${status} without X-Consul-Index: is this Consul?`
      throw new ProxyError('PROXY_CONFIG_UNREACHABLE', message)
    }
    // Of keys that it may not show it would seem that they were deleted.
    if (one(headers['x-consul-results-filtered-by-acls']) === 'true') throw unusable(String(url), FILTERED)
    return { body: status === 404 ? undefined : body, index, url: String(url) }
  }
}

/** Values are written in base64, and each pair in a hundred bytes; of large answers values are the most. */
function rawBytesOf(maxBytes: number): number {
  return Math.min(maxBytes * 10, Math.max(maxBytes * 2, 256 * 1024 * 1024))
}

interface Pair {
  readonly Key: string
  readonly Value: string | null
  readonly ModifyIndex: number
}

const FILTERED = 'the token may not read all of these keys'

/** Whether the token may not read what was asked for: Consul refuses it, or leaves it out and says so. */
export function isDeniedByConsul({ message }: Error): boolean {
  return message.startsWith('GET ') && (message.endsWith(FILTERED) || /^GET \S+: status 403\b/.test(message))
}

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
