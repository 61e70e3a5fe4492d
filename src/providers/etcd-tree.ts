import type { IKeyValue, IRangeRequest, IRangeResponse } from 'etcd3'
import { asError, ProxyError } from '../model/errors.js'
import { isCompacted, isTooLarge } from './etcd-faults.js'
import type { EtcdRange } from './etcd-session.js'
import type { KvTree } from './kv-source.js'

/** Keys in one read, at first: fewer where they hold so much that they do not fit into one answer. */
const PAGE_KEYS = 5_000

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
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for more than `maxBytes`; whatever `range` throws
 */
export async function readTree(range: ReadRange, prefix: string, reading: TreeReading): Promise<KvTree> {
  const { key: first, range_end = first } = rangeBelow(prefix)
  const pairs: IKeyValue[] = []
  let { revision } = reading
  let key = first
  let limit = PAGE_KEYS
  let bytes = 0
  for (;;) {
    reading.signal.throwIfAborted()
    const at = revision === undefined ? {} : { revision }
    const page = await range({ key, range_end, limit, ...at }).catch((thrown: unknown) => {
      if (!isTooLarge(asError(thrown)) || limit === 1) throw thrown
    })
    if (!page) {
      limit = Math.ceil(limit / 8)
      continue
    }
    revision ??= page.header.revision
    for (const pair of page.kvs) bytes += pair.key.length + pair.value.length
    if (bytes > reading.maxBytes) throw tooMuch(prefix, reading.maxBytes)
    pairs.push(...page.kvs)
    const last = page.kvs.at(-1)
    if (!page.more || !last) return treeOf(prefix, pairs)
    // The key right after it.
    key = Buffer.concat([last.key, Buffer.of(0)])
  }
}

/** So often a read begins anew whose revision was compacted meanwhile. */
const MOST_TRIES = 5

/** A revision may be compacted while it is read: what is read then is read anew, at another one. */
export async function unlessCompacted<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read()
    } catch (thrown) {
      if (!isCompacted(asError(thrown)) || tries === MOST_TRIES) throw thrown
    }
  }
}

function tooMuch(prefix: string, maxBytes: number): ProxyError {
  return new ProxyError(
    'PROXY_CONFIG_UNUSABLE',
    `what stands below ${prefix}/ is more than ${maxBytes} bytes`,
  )
}

function treeOf(prefix: string, pairs: readonly IKeyValue[]): KvTree {
  const begin = Buffer.byteLength(prefix) + 1
  let newest = 0n
  const entries = pairs.map(({ key, value, mod_revision }) => {
    const revision = BigInt(mod_revision)
    if (revision > newest) newest = revision
    return { key: key.toString('utf8', begin), value }
  })
  return { entries, revision: String(newest) }
}
