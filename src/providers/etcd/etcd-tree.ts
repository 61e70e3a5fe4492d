import { setTimeout as delay } from 'node:timers/promises'
import type { IKeyValue, IRangeRequest, IRangeResponse } from 'etcd3'
import { quote } from '../../base/messages.js'
import { asError, ProxyError } from '../../model/errors.js'
import { Backoff } from '../backoff.js'
import type { KvTree } from '../kv/kv-store.js'
import { isCompacted, isTooLarge } from './etcd-faults.js'
import type { EtcdRange } from './etcd-range-watch.js'

/** Maximum keys of one page. If their values are too large for one answer of etcd, the page gets fewer keys. */
const PAGE_KEYS = 5_000

/** All keys below a prefix, read once and not followed. */
export type EtcdTree = Omit<KvTree, 'follow'>

/**
 * A function that reads a range of keys. It passes on etcd3's errors for an answer that is too large and for a compacted
 * revision.
 */
export type ReadRange = (request: IRangeRequest) => Promise<IRangeResponse>

/** Returns the range of all keys below a prefix. */
export function rangeBelow(prefix: string): EtcdRange {
  // In ASCII, `0` directly follows `/`. So this range ends just behind the last key below the prefix.
  return { key: Buffer.from(`${prefix}/`), range_end: Buffer.from(`${prefix}0`) }
}

/** The limits and the revision of one call of `readTree`. */
export interface TreeReading {
  /** Maximum bytes of all keys and values. */
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** The revision of etcd at which all pages are read. @default the revision of the first page */
  readonly revision?: string
}

/**
 * Reads all keys below a prefix, page by page and at one revision of etcd.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for too many bytes, for a value that does not fit into one answer, and for a key
 *   that is not UTF-8
 * @throws every error of `range`
 */
export async function readTree(range: ReadRange, prefix: string, reading: TreeReading): Promise<EtcdTree> {
  const { key: first, range_end = first } = rangeBelow(prefix)
  const pairs: IKeyValue[] = []
  let { revision } = reading
  let key = first
  let limit = PAGE_KEYS
  let bytes = 0
  for (;;) {
    const at = revision === undefined ? {} : { revision }
    const page = await range({ key, range_end, limit, ...at }).catch((thrown: unknown) => {
      if (!isTooLarge(asError(thrown))) throw thrown
    })
    reading.signal.throwIfAborted()
    if (!page) {
      if (limit === 1) throw unusable(prefix, 'hold a value that is too large for one answer of etcd')
      limit = Math.ceil(limit / 8)
      continue
    }
    revision ??= (page.header as typeof page.header | null)?.revision
    key = checkPage(page, key, range_end)
    for (const pair of page.kvs) bytes += pair.key.length + pair.value.length
    if (bytes > reading.maxBytes) throw unusable(prefix, `hold more than ${reading.maxBytes} bytes`)
    pairs.push(...page.kvs)
    if (!page.more) return treeOf(prefix, pairs)
    // Increase the limit again after each page, because the values on the next pages may be smaller.
    limit = Math.min(PAGE_KEYS, limit * 8)
  }
}

/**
 * Checks that a page contains what was requested, because the host may not be an etcd.
 *
 * @returns the key at which the next page begins
 * @throws Error for an answer that etcd would not give
 */
function checkPage({ header, kvs, more }: IRangeResponse, first: Buffer, end: Buffer): Buffer {
  if (!(header as unknown)) throw new Error('the answer has no header')
  if (more && kvs.length === 0) throw new Error('a page has no keys, but it is not the last one')
  let next = first
  for (const { key } of kvs) {
    if (key.compare(next) < 0 || key.compare(end) >= 0)
      throw new Error(`asked for keys from ${first} on, but the answer has ${key}`)
    // The next page begins at the smallest key after this one, which is this key followed by a zero byte.
    next = Buffer.concat([key, Buffer.of(0)])
  }
  return next
}

/**
 * Maximum tries of one read. A compaction (etcd deletes old revisions) makes a try fail. Compactions happen every few minutes,
 * started by operators or by etcd itself. So if all tries fail, etcd counts as unreachable.
 */
const MOST_TRIES = 20

/**
 * Number of tries without a delay between them. Before each later try there is a delay, so that a busy etcd is not read without a
 * pause.
 */
const TRIES_AT_ONCE = 5

/**
 * Reads at the newest revision of etcd, and reads again if etcd compacts that revision during the read. So a compaction does not
 * count as an outage.
 *
 * @param read makes one try, at the revision that is the newest when the try begins
 * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if compactions made all tries fail
 * @throws every other error of `read`
 */
export async function unlessCompacted<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const pauses = new Backoff(100, 1_000)
  for (let tries = 1; ; tries++) {
    try {
      return await read()
    } catch (thrown) {
      if (!isCompacted(asError(thrown))) throw thrown
      signal.throwIfAborted()
      if (tries === MOST_TRIES) throw alwaysCompacted(thrown)
    }
    if (tries >= TRIES_AT_ONCE) await delay(pauses.next(), undefined, { signal, ref: false })
  }
}

function alwaysCompacted(cause: unknown): ProxyError {
  const message = `etcd: ${MOST_TRIES} consecutive reads failed, because etcd compacted the revision that was being read`
  return new ProxyError('PROXY_CONFIG_UNREACHABLE', message, { cause })
}

function unusable(prefix: string, what: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `the keys below ${prefix}/ ${what}`)
}

/** Converts the key-value pairs of all pages to entries, with the highest revision among them. */
function treeOf(prefix: string, pairs: readonly IKeyValue[]): EtcdTree {
  const begin = Buffer.byteLength(prefix) + 1
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  let newest = 0n
  const entries = pairs.map(({ key, value, mod_revision }) => {
    const revision = BigInt(mod_revision)
    if (revision > newest) newest = revision
    try {
      return { key: utf8.decode(key.subarray(begin)), value }
    } catch {
      throw unusable(prefix, `include a key that is not valid UTF-8: ${quote(String(key))}`)
    }
  })
  return { entries, revision: String(newest) }
}
