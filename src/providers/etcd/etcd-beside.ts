import { asError } from '../../model/errors.js'
import { findBeside, type KvBeside, type KvOwnKeys, type KvPlaces, USUAL_PLACES } from '../kv/kv-beside.js'
import { isDenied } from './etcd-faults.js'
import { namesBelow, type ReadRanges } from './etcd-names.js'
import type { EtcdRange } from './etcd-range-watch.js'
import { type ReadRange, readTree } from './etcd-tree.js'

/** The functions that read etcd during a search for static configuration, with the revision and limits of the search. */
export interface BesideReading {
  readonly range: ReadRange
  readonly ranges: ReadRanges
  /** The revision of etcd at which all reads are made. */
  readonly revision: string
  /** Maximum bytes of keys and values below one prefix. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** The static configuration that was found, and the key ranges to watch for its changes. */
export interface EtcdBeside extends KvBeside {
  readonly watched: readonly EtcdRange[]
}

/**
 * Searches for Traefik's static configuration below a prefix, at one revision of etcd.
 *
 * @param prefix the start of all keys below the provider's `prefix` option, without the slash at the end
 * @returns the static configuration. If the user has no right to read the prefix, it has no keys, and the reason in `denied`
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` in the cases in which `readTree` throws it
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

/** Returns the functions that read the names, values and trees of keys below a prefix in etcd. */
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
 * Returns the key ranges to watch. They cover the names that exist, and names in usual spellings that may be added later. A name
 * that is added in another spelling is found by the read that happens every 30 seconds.
 */
function rangesOf(prefix: string, names: readonly string[]): readonly EtcdRange[] {
  return [...new Set([...USUAL_PLACES, ...names])].map((name) => ({
    key: Buffer.from(`${prefix}/${name}`),
    // In ASCII, `0` directly follows `/`. So this end is just behind the last key below the name.
    range_end: Buffer.from(`${prefix}/${name}0`),
  }))
}
