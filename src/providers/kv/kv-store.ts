import type { AliasWatcher } from '../../model/provider.js'
import type { KvBeside } from './kv-beside.js'
import type { KvEntry } from './kv-entry.js'

/** What a read of one key found. */
export interface KvReading {
  /** The value. Absent if the key does not exist. */
  readonly value?: string
  /** A mark that changes whenever the key is written. */
  readonly revision: string
}

/** All keys below a prefix, as they were at one moment. */
export interface KvTree {
  readonly entries: readonly KvEntry[]
  /** The revision of the newest entry. It stays the same as long as no key is written. */
  readonly revision: string
  /**
   * Begins to follow these keys: calls `changed` after each change since this read. The store follows one tree at a time, so an
   * earlier call of `follow` has no further effect.
   */
  follow(changed: () => void): void
  /** Static configuration below the provider's own prefix. Absent where the alias names that prefix itself. */
  readonly beside?: FollowedBeside
}

/** Static configuration below the provider's own prefix, which can be followed. */
export interface FollowedBeside extends KvBeside {
  /**
   * Begins to follow the static configuration: calls `changed` after a change since this read. It replaces an earlier `follow`.
   * Some changes may only be noticed by the next read.
   */
  follow(changed: () => void): void
}

/** A store of keys. Its alias key is watched. One tree of keys, and static configuration, can be followed too. */
export interface KvStore {
  /** The alias key and the address of the store, for messages. */
  readonly place: string
  /** Begins to watch. It calls `changed` when the alias key was written, when a connection is back, and from time to time. */
  watch(watcher: AliasWatcher): void
  /** Reads the alias key. */
  readAlias(context: { readonly signal: AbortSignal }): Promise<KvReading>
  /**
   * Reads the alias key and the tree that its value names, both as they were at one moment.
   *
   * @param prefixOf returns the prefix of the tree for what was read of the alias. If it returns undefined, no tree is read
   */
  readBoth(
    prefixOf: (alias: KvReading) => string | undefined,
    context: { readonly signal: AbortSignal },
  ): Promise<KvTree | undefined>
  /** Reads the static configuration below the provider's own prefix. @param target the prefix that the alias names */
  readBeside(target: string, context: { readonly signal: AbortSignal }): Promise<FollowedBeside>
  /** Stops following a tree. */
  unfollow(): void
  /** Stops following static configuration. */
  unfollowBeside(): void
  /** Ends the watch and everything that is followed. */
  stop(): void
}
