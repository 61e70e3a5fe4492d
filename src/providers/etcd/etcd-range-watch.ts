import type { IWatchResponse } from 'etcd3'
import type { EtcdClient } from './etcd-client.js'

/** The gRPC stream of a watch, as etcd3 opens it. */
export type WatchStream = Awaited<ReturnType<EtcdClient['watch']['watch']>>

/** One key. With `range_end`, all keys from `key` up to, but without, `range_end`. */
export interface EtcdRange {
  readonly key: Buffer
  readonly range_end?: Buffer
}

/** The ranges to watch, and the callbacks of the watch. */
export interface RangeWatch {
  readonly ranges: readonly EtcdRange[]
  /** The revision of the last read. All writes after it are reported. */
  readonly after: bigint
  /** Called with keys that were written or deleted. */
  changed(keys: readonly Buffer[]): void
  /** Called if etcd has compacted the writes after that revision. The watch has ended. */
  compacted(): void
  /** Called if the watch has failed. */
  failed(cause: Error): void
  /** Called if the user may not read one of the ranges. Without this callback, `failed` is called. */
  refused?(cause: Error): void
}

/** Watches ranges over a stream of their own. @returns a function that ends the watch, after which no callback is called */
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
    // With fragments, because the events of a burst may be larger than one message.
    for (const range of watch.ranges)
      stream.write({ create_request: { ...range, start_revision, fragment: true } })
  }, fail)
  return end
}

/** Ends the stream of a watch. */
export function endStream(stream: WatchStream): void {
  stream.cancel()
  stream.end()
}

/** Returns why etcd cancelled a watch, in words. */
export function cancelReason({ cancel_reason, compact_revision }: IWatchResponse): string {
  if (cancel_reason) return `the watch was cancelled: ${cancel_reason}`
  return compact_revision === '0'
    ? 'the watch was cancelled'
    : `the watch was cancelled by a compaction at ${compact_revision}`
}
