import { asError } from '../../model/errors.js'
import { findBeside, type KvBeside, type KvOwnKeys, type KvPlaces, USUAL_PLACES } from '../kv/kv-beside.js'
import { isDenied } from './etcd-faults.js'
import { namesBelow, type ReadRanges } from './etcd-names.js'
import type { EtcdRange } from './etcd-range-watch.js'
import { type ReadRange, readTree } from './etcd-tree.js'

/** How etcd is read for a search. */
export interface BesideReading {
  readonly range: ReadRange
  readonly ranges: ReadRanges
  /** The revision at which everything is read. */
  readonly revision: string
  /** Bytes of keys and values in one tree, at most. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** What a search found, and the ranges that are watched for its changes. */
export interface EtcdBeside extends KvBeside {
  readonly watched: readonly EtcdRange[]
}

/**
 * Looks for static configuration below a prefix at one revision.
 *
 * @param prefix the provider's own prefix as keys begin with it, without a slash at its end
 * @returns for a user without the right to read the prefix, no keys and `denied`
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` as `readTree` does
 * @throws every other error of the reads
 */
export async function readBeside(
  prefix: string,
  own: KvOwnKeys,
  reading: BesideReading,
): Promise<EtcdBeside> {
  try {
    const { names, ...found } = await findBeside(placesBelow(prefix, reading), own)
    return { ...found, watched: rangesOf(prefix, names) }
  } catch (thrown) {
    if (!isDenied(asError(thrown))) throw thrown
    const denied = `the etcd user may not read all keys below ${prefix}/`
    return { entries: [], mark: 'denied', denied, watched: [] }
  }
}

/** Returns reads of etcd below a prefix. */
function placesBelow(prefix: string, { range, ranges, ...reading }: BesideReading): KvPlaces {
  const { revision } = reading
  return {
    names: (below, wanted) => namesBelow(ranges, `${prefix}/${below}`, wanted, revision),
    value: async (key) => {
      const [answer] = await ranges([{ key: Buffer.from(`${prefix}/${key}`), revision }])
      const [pair] = answer?.kvs ?? []
      return pair
        ? { entries: [{ key, value: pair.value }], revision: pair.mod_revision }
        : { entries: [], revision: '' }
    },
    tree: async (key) => {
      const tree = await readTree(range, `${prefix}/${key}`, reading)
      const entries = tree.entries.map((entry) => ({ key: `${key}/${entry.key}`, value: entry.value }))
      return { entries, revision: tree.revision }
    },
  }
}

/**
 * Returns the ranges to watch: existing names in their spelling, and names that may be added in a usual spelling. Names that are
 * added in another spelling are found by the read every half a minute.
 */
function rangesOf(prefix: string, names: readonly string[]): readonly EtcdRange[] {
  return [...new Set([...USUAL_PLACES, ...names])].map((name) => ({
    key: Buffer.from(`${prefix}/${name}`),
    // The character 0 follows the slash in ASCII, so the range ends behind the last key below the name.
    range_end: Buffer.from(`${prefix}/${name}0`),
  }))
}
