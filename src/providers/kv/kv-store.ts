import type { AliasWatcher } from '../../model/provider.js'
import type { KvBeside } from './kv-beside.js'
import type { KvEntry } from './kv-entry.js'

/** The result of reading one key. */
export interface KvReading {
  /** The value of the key. Absent if the key does not exist. */
  readonly value?: string
  /** A text that changes whenever the key is written. */
  readonly revision: string
}

/** All keys below a prefix, read at one moment. */
export interface KvTree {
  readonly entries: readonly KvEntry[]
  /** The revision of the most recently written entry. It stays the same as long as no key is written. */
  readonly revision: string
  /**
   * Begins to follow the keys in `entries`: calls `changed` after each change since they were read. The store follows the keys of
   * one prefix at a time. So the `changed` of an earlier call is called no longer.
   */
  follow(changed: () => void): void
  /**
   * Traefik's static configuration below the provider's `prefix` option. Absent if the configuration itself is read from that
   * prefix.
   */
  readonly beside?: FollowedBeside
}

/** Traefik's static configuration below the provider's `prefix` option, with a method that follows its changes. */
export interface FollowedBeside extends KvBeside {
  /**
   * Begins to follow the static configuration: calls `changed` when it has changed since it was read. It replaces an earlier call
   * of `follow`. Some changes are not followed, and only the next read finds them.
   */
  follow(changed: () => void): void
}

/**
 * A key-value store such as etcd or Consul. The store watches the alias key. It can also follow all keys below one prefix, and
 * Traefik's static configuration.
 */
export interface KvStore {
  /** The alias key and the address of the store, as messages show them. */
  readonly place: string
  /**
   * Begins to watch the alias key. It calls `watcher.changed` after each write of the alias key and after a reconnection. It may
   * also call it at regular intervals, in case a notification was lost.
   */
  watch(watcher: AliasWatcher): void
  /** Reads the alias key. */
  readAlias(context: { readonly signal: AbortSignal }): Promise<KvReading>
  /**
   * Reads the alias key and all keys below the prefix that its value names, both as they were at one moment.
   *
   * @param prefixOf called with the alias that was read. It returns the prefix to read, or undefined to read no further keys
   */
  readBoth(
    prefixOf: (alias: KvReading) => string | undefined,
    context: { readonly signal: AbortSignal },
  ): Promise<KvTree | undefined>
  /** Reads Traefik's static configuration below the provider's `prefix` option. @param target the prefix that the alias names */
  readBeside(target: string, context: { readonly signal: AbortSignal }): Promise<FollowedBeside>
  /** Stops following the keys of the configuration. */
  unfollow(): void
  /** Stops following Traefik's static configuration. */
  unfollowBeside(): void
  /** Stops watching the alias key and following all other keys. */
  stop(): void
}
