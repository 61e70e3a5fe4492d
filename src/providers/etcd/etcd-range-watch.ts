import type { IWatchResponse } from 'etcd3'
import type { EtcdClient } from './etcd-client.js'

/** The type of the gRPC stream that etcd3 opens for a watch. */
export type WatchStream = Awaited<ReturnType<EtcdClient['watch']['watch']>>

/** A range of keys in etcd: `key` alone, or all keys from `key` (included) to `range_end` (not included). */
export interface EtcdRange {
  readonly key: Buffer
  readonly range_end?: Buffer
}

/** The key ranges to watch, and the callbacks of the watch. */
export interface RangeWatch {
  readonly ranges: readonly EtcdRange[]
  /** The etcd revision of the last read. The watch reports all writes after it. */
  readonly after: bigint
  /** Called with the keys that were written or deleted. */
  changed(keys: readonly Buffer[]): void
  /** Called if the watch has ended because etcd has deleted (compacted) the history after the revision `after`. */
  compacted(): void
  /** Called with the error if the watch has failed. */
  failed(cause: Error): void
  /** Called if the user has no right to read one of the ranges. If this callback is absent, `failed` is called instead. */
  refused?(cause: Error): void
}

/**
 * Watches key ranges in etcd over one new gRPC stream.
 *
 * @returns a function that ends the watch. After it, no callback is called
 */
export function watchRanges(client: EtcdClient, watch: RangeWatch): () => void {
  let stream: WatchStream | undefined
  let isOver = false
  const end = () => {
    isOver = true
    if (stream) endStream(stream)
  }
  const fail = (cause: Error) => {
    if (!isOver) watch.failed(cause)
  }
  const take = (message: IWatchResponse) => {
    if (isOver) return
    if (message.canceled && message.compact_revision !== '0') {
      end()
      watch.compacted()
    } else if (message.canceled) {
      const cause = new Error(cancelReason(message))
      if (watch.refused && /permission denied/.test(cause.message)) watch.refused(cause)
      else fail(cause)
    } else if (message.events?.length > 0)
      watch.changed(message.events.map(({ kv }) => (kv as typeof kv | null)?.key ?? Buffer.of()))
  }
  client.watch.watch().then((opened) => {
    stream = opened
    stream.on('error', fail)
    stream.on('end', () => fail(new Error('the watch ended')))
    if (isOver) return endStream(stream)
    stream.on('data', take)
    const start_revision = String(watch.after + 1n)
    // With `fragment`, etcd splits a burst of events that is larger than one gRPC message.
    for (const range of watch.ranges)
      stream.write({ create_request: { ...range, start_revision, fragment: true } })
  }, fail)
  return end
}

/** Ends the gRPC stream of a watch. */
export function endStream(stream: WatchStream): void {
  stream.cancel()
  stream.end()
}

/** Returns the reason why etcd cancelled a watch, for an error message. */
export function cancelReason({ cancel_reason, compact_revision }: IWatchResponse): string {
  if (cancel_reason) return `the watch was cancelled: ${cancel_reason}`
  return compact_revision === '0'
    ? 'the watch was cancelled'
    : `the watch was cancelled by a compaction at ${compact_revision}`
}
