import { asError } from '../../model/errors.js'
import { findBeside, type KvBeside, type KvOwnKeys, type KvPlaces, USUAL_PLACES } from '../kv/kv-beside.js'
import { isDenied } from './etcd-faults.js'
import { namesBelow, type ReadRanges } from './etcd-names.js'
import type { EtcdRange } from './etcd-range-watch.js'
import { type ReadRange, readTree } from './etcd-tree.js'

/** How etcd is read, and at which revision. */
export interface BesideReading {
  readonly range: ReadRange
  readonly ranges: ReadRanges
  readonly revision: string
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** What a search found, and what is watched for changes of it. */
export interface EtcdBeside extends KvBeside {
  readonly watched: readonly EtcdRange[]
}

/**
 * Looks for static configuration below a prefix at one revision.
 *
 * @param prefix as keys have it, without a slash at its end
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` as a tree; whatever is thrown by reads, but for a user who may not read it
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
    const denied = `the etcd user may not read what stands below ${prefix}/`
    return { entries: [], mark: 'denied', denied, watched: [] }
  }
}

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

/** What is there, as it is spelt, and what may come in a usual spelling. A read now and then finds the others. */
function rangesOf(prefix: string, names: readonly string[]): readonly EtcdRange[] {
  return [...new Set([...USUAL_PLACES, ...names])].map((name) => ({
    key: Buffer.from(`${prefix}/${name}`),
    // The byte after a slash.
    range_end: Buffer.from(`${prefix}/${name}0`),
  }))
}
