import type { IWatchResponse } from 'etcd3'
import type { EtcdClient } from './etcd-client.js'

export type WatchStream = Awaited<ReturnType<EtcdClient['watch']['watch']>>

/** A key, or with an end all keys from it up to there. */
export interface EtcdRange {
  readonly key: Buffer
  readonly range_end?: Buffer
}

/** What is watched, and who is told. */
export interface RangeWatch {
  readonly ranges: readonly EtcdRange[]
  /** The revision that was read: whatever was written since is told. */
  readonly after: bigint
  /** Told of keys that were written or deleted. */
  changed(keys: readonly Buffer[]): void
  /** The store has dropped what was written since. The watch has ended. */
  compacted(): void
  failed(cause: Error): void
  /** A range was refused, in words. Without it that is a failure. */
  refused?(cause: Error): void
}

/** Watches ranges on a stream of their own. @returns ends it; nothing is told any more then */
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
    // In pieces: a burst may be more than one message holds.
    for (const range of watch.ranges)
      stream.write({ create_request: { ...range, start_revision, fragment: true } })
  }, fail)
  return end
}

export function endStream(stream: WatchStream): void {
  stream.cancel()
  stream.end()
}

export function cancelReason({ cancel_reason, compact_revision }: IWatchResponse): string {
  if (cancel_reason) return `the watch was cancelled: ${cancel_reason}`
  return compact_revision === '0'
    ? 'the watch was cancelled'
    : `the watch was cancelled by a compaction at ${compact_revision}`
}
