import { setTimeout as delay } from 'node:timers/promises'
import type { IKeyValue, IRangeRequest, IRangeResponse } from 'etcd3'
import { quote } from '../../base/messages.js'
import { asError, ProxyError } from '../../model/errors.js'
import { Backoff } from '../backoff.js'
import type { KvTree } from '../kv/kv-store.js'
import { isCompacted, isTooLarge } from './etcd-faults.js'
import type { EtcdRange } from './etcd-range-watch.js'

/** Keys in one read, at first: fewer where they hold so much that they do not fit into one answer. */
const PAGE_KEYS = 5_000

/** A tree, and nothing else. */
export type EtcdTree = Omit<KvTree, 'follow'>

/** How ranges are read: throws what etcd3 throws for an answer that is too large, and for a compacted revision. */
export type ReadRange = (request: IRangeRequest) => Promise<IRangeResponse>

/** All keys below a prefix. */
export function rangeBelow(prefix: string): EtcdRange {
  // The byte after a slash.
  return { key: Buffer.from(`${prefix}/`), range_end: Buffer.from(`${prefix}0`) }
}

/** What a tree is read with. */
export interface TreeReading {
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** Default: that of the first page. */
  readonly revision?: string
}

/**
 * Reads a tree at one revision, page by page.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for more than `maxBytes`, for a value that fits into no answer, for a key that is no
 * UTF-8; whatever `range` throws
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
      if (limit === 1) throw unusable(prefix, 'holds a value that is too large')
      limit = Math.ceil(limit / 8)
      continue
    }
    revision ??= (page.header as typeof page.header | null)?.revision
    key = checkPage(page, key, range_end)
    for (const pair of page.kvs) bytes += pair.key.length + pair.value.length
    if (bytes > reading.maxBytes) throw unusable(prefix, `is more than ${reading.maxBytes} bytes`)
    pairs.push(...page.kvs)
    if (!page.more) return treeOf(prefix, pairs)
    // Where one value was large the others need not be.
    limit = Math.min(PAGE_KEYS, limit * 8)
  }
}

/** Whatever answers may be no etcd. @returns where the next page begins @throws Error */
function checkPage({ header, kvs, more }: IRangeResponse, first: Buffer, end: Buffer): Buffer {
  if (!(header as unknown)) throw new Error('an answer without a header')
  if (more && kvs.length === 0) throw new Error('a page without keys that is not the last')
  let next = first
  for (const { key } of kvs) {
    if (key.compare(next) < 0 || key.compare(end) >= 0)
      throw new Error(`asked for keys from ${first} on, the answer has ${key}`)
    // The key right after it.
    next = Buffer.concat([key, Buffer.of(0)])
  }
  return next
}

/**
 * So often a read begins, at most. One compaction spoils one try, and people and etcd itself compact every few minutes: a store
 * that spoils them all cannot be read.
 */
const MOST_TRIES = 20

/** So many tries follow at once. Each later one waits, or a busy store would be read without a pause. */
const TRIES_AT_ONCE = 5

/**
 * Reads at a revision, and anew at a newer one if etcd compacted that revision meanwhile: a compaction is no outage.
 *
 * @param read takes the newest revision each time
 * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if all tries were spoilt; whatever `read` throws otherwise
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
  const message = `etcd: what was read was compacted before it was read to the end, ${MOST_TRIES} times in a row`
  return new ProxyError('PROXY_CONFIG_UNREACHABLE', message, { cause })
}

function unusable(prefix: string, what: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `what stands below ${prefix}/ ${what}`)
}

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
      throw unusable(prefix, `has a key that is no UTF-8: ${quote(String(key))}`)
    }
  })
  return { entries, revision: String(newest) }
}
