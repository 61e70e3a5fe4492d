import { ProxyError } from '../model/errors.js'
import { quote } from '../rules/document-shapes.js'
import { DocumentClient, type DocumentClientOptions, one } from './document-client.js'
import type { KvEntry } from './kv-document.js'
import { unusable, withoutCredentials } from './read-response.js'

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
    const url = new URL(`/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`, this.#options.url)
    url.searchParams.set('consistent', '')
    if ('below' in what) url.searchParams.set('recurse', '')
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
    if (one(headers['x-consul-results-filtered-by-acls']) === 'true')
      throw unusable(String(url), 'the token may not read all of these keys')
    const entries = status === 404 ? [] : entriesOf(body, String(url))
    const stranger = entries.find((entry) => !entry.key.startsWith(key))
    if (stranger) throw unusable(String(url), `the answer has the key ${quote(stranger.key)}`)
    let bytes = 0
    for (const entry of entries) bytes += entry.key.length + entry.value.length
    if (bytes > this.#options.maxBytes)
      throw unusable(String(url), `the keys and values are more than ${this.#options.maxBytes} bytes`)
    let newest = 0
    for (const { revision } of entries) newest = Math.max(newest, Number(revision))
    return { entries, index, newest: String(newest) }
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

function entriesOf(body: string, url: string): ConsulReading['entries'] {
  let pairs: unknown
  try {
    pairs = JSON.parse(body)
  } catch (error) {
    throw unusable(url, `no JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(pairs) || !pairs.every(isPair)) throw unusable(url, 'expected a list of keys and values')
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
