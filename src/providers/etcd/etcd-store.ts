import type { AliasWatcher } from '../../model/provider.js'
import { ownKeys } from '../kv/kv-beside.js'
import type { KvPrefix } from '../kv/kv-prefix.js'
import type { FollowedBeside, KvReading, KvStore, KvTree } from '../kv/kv-store.js'
import { readBeside } from './etcd-beside.js'
import type { EtcdConnection } from './etcd-connection.js'
import type { SessionReading } from './etcd-session.js'
import { EtcdSessions } from './etcd-sessions.js'
import { rangeBelow, readTree, unlessCompacted } from './etcd-tree.js'

/** Implements `KvStore` for etcd: reads and watches keys. It connects to etcd in the same way as `EtcdAliasSource`. */
export class EtcdStore implements KvStore {
  readonly #sessions: EtcdSessions
  readonly #aliasKey: Buffer
  readonly #aliasPath: string
  readonly #prefix: KvPrefix
  readonly #maxBytes: number

  /**
   * Checks the options, but does not connect to etcd yet.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an invalid connection or alias key
   */
  constructor(
    connection: EtcdConnection,
    keys: { readonly aliasKey: string; readonly prefix: KvPrefix; readonly maxBytes: number },
  ) {
    this.#sessions = new EtcdSessions(connection, keys.aliasKey)
    this.#aliasKey = Buffer.from(keys.aliasKey)
    this.#aliasPath = keys.aliasKey
    this.#prefix = keys.prefix
    this.#maxBytes = keys.maxBytes
  }

  get place(): string {
    return this.#sessions.place
  }

  watch(watcher: AliasWatcher): void {
    this.#sessions.watch(watcher)
  }

  async readAlias(): Promise<KvReading> {
    return this.#readingOf(await this.#sessions.read())
  }

  /**
   * Reads the alias key, and then the keys below the prefix that it names at the same revision of etcd. So later writes cannot
   * mix two versions.
   */
  readBoth(
    prefixOf: (alias: KvReading) => string | undefined,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<KvTree | undefined> {
    return unlessCompacted(async () => {
      const alias = await this.#sessions.read()
      const path = prefixOf(this.#readingOf(alias))
      if (path === undefined) return undefined
      const revision = String(alias.storeRevision)
      const reading = { maxBytes: this.#maxBytes, signal, revision }
      const range = this.#sessions.range.bind(this.#sessions)
      const isOwn = path === this.#prefix.path
      const [tree, beside] = await Promise.all([
        readTree(range, this.#prefix.keyOf(path), reading),
        isOwn ? undefined : this.#besideAt(path, alias.storeRevision, signal),
      ])
      return {
        ...tree,
        ...(beside && { beside }),
        follow: (changed) => this.#follow(path, alias.storeRevision, changed),
      }
    }, signal)
  }

  readBeside(target: string, { signal }: { readonly signal: AbortSignal }): Promise<FollowedBeside> {
    return unlessCompacted(async () => {
      const { storeRevision } = await this.#sessions.read()
      return this.#besideAt(target, storeRevision, signal)
    }, signal)
  }

  /** Reads Traefik's static configuration below the provider's `prefix` option, at one revision of etcd. */
  async #besideAt(target: string, at: bigint, signal: AbortSignal): Promise<FollowedBeside> {
    const prefix = this.#prefix.keyOf(this.#prefix.path)
    const reading = { revision: String(at), maxBytes: this.#maxBytes, signal }
    const range = this.#sessions.range.bind(this.#sessions)
    const ranges = this.#sessions.ranges.bind(this.#sessions)
    const own = ownKeys(prefix, this.#prefix.keyOf(target), this.#aliasPath)
    const { watched, ...beside } = await readBeside(prefix, own, { ...reading, range, ranges })
    return { ...beside, follow: (changed) => this.#sessions.followBeside(watched, at, changed) }
  }

  #follow(path: string, after: bigint, changed: () => void): void {
    this.#sessions.follow(rangeBelow(this.#prefix.keyOf(path)), after, (keys) => {
      // A change of only the alias key is skipped here, because the session's own watch reports it.
      if (keys.length === 0 || !keys.every((key) => key.equals(this.#aliasKey))) changed()
    })
  }

  unfollow(): void {
    this.#sessions.follow(undefined, 0n)
  }

  unfollowBeside(): void {
    this.#sessions.followBeside([], 0n, () => {})
  }

  stop(): void {
    this.#sessions.stop()
  }

  #readingOf({ value, revision }: SessionReading): KvReading {
    const path = this.#prefix.pathOf(value)
    return path === undefined ? { revision } : { value: path, revision }
  }
}
