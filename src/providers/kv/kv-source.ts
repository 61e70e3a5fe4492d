import { once } from 'node:events'
import { runInSlices } from '../../base/run-steps.js'
import type { ProviderConfig } from '../../model/config.js'
import { type Issue, ProxyError } from '../../model/errors.js'
import type {
  AliasReading,
  AliasSource,
  AliasWatcher,
  ConfigFetcher,
  FetchContext,
} from '../../model/provider.js'
import { parseAliasValue } from '../alias-value.js'
import { Debounce } from './debounce.js'
import { documentOfKeys } from './kv-document.js'
import { hasKeys } from './kv-entry.js'
import { shownKey } from './kv-static-keys.js'
import type { FollowedBeside, KvReading, KvStore } from './kv-store.js'

/** Settings of a `KvSource`: which keys it reads from its store, and which ones it follows. */
export interface KvSourceOptions {
  /** The provider's `prefix` option. The keys below it are the configuration if there is no alias key. */
  readonly prefix: string
  /** Whether the alias key must exist. If false and it does not exist, the configuration is read below `prefix`. */
  readonly needsAlias: boolean
  /** Whether each change of a key below the prefix that the alias names is followed. If false, only the alias key is followed. */
  readonly followTarget: boolean
  /** A burst of changes ends after this many milliseconds without a change. */
  readonly debounceMs: number
  /** Whether a prefix without keys is accepted, as an empty configuration. */
  readonly allowEmpty: boolean
  /** The alias value must be this prefix or a path below it. Undefined allows every absolute path. */
  readonly allowedPrefix: string | undefined
}

/**
 * Reads a configuration that has one key for each field. It is both the source of the alias and the fetcher of the document. The
 * alias key names the prefix of the keys. Without an alias key, the keys below the provider's `prefix` option are read, and each
 * change of them is followed.
 */
export class KvSource implements AliasSource, ConfigFetcher {
  readonly #store: KvStore
  readonly #options: KvSourceOptions
  #watcher: AliasWatcher | undefined
  /**
   * Number of reads so far. It serves as the revision when keys are followed one by one: such keys change without a write of the
   * alias key.
   */
  #reads = 0
  /**
   * Number of changes that the revision of the alias key does not show. These are fetches that found another alias value than
   * expected, and changes of the static configuration.
   */
  #moves = 0
  /**
   * `mark` is the fingerprint of the static configuration, as it was read last. `aliasRevision` and `target` are the revision and
   * the prefix of the alias key in the last fetch.
   */
  #beside: { readonly aliasRevision: string; readonly target: string; mark: string } | undefined
  /** Number of fetches in progress. */
  #fetches = 0
  readonly #changes: Debounce
  /** Whether a burst of changes ended while a fetch was in progress. The burst is reported after that fetch. */
  #changedMeanwhile = false

  constructor(store: KvStore, options: KvSourceOptions) {
    this.#store = store
    this.#options = options
    this.#changes = new Debounce(options.debounceMs, () => this.#reportChanges())
  }

  get alias(): string {
    return this.#store.place
  }

  async watch(watcher: AliasWatcher): Promise<void> {
    this.#watcher = watcher
    this.#store.watch(watcher)
  }

  async stop(): Promise<void> {
    this.#watcher = undefined
    this.#changes.forget()
    this.#store.stop()
  }

  async read(context: { readonly signal: AbortSignal }): Promise<AliasReading> {
    const alias = await this.#store.readAlias(context)
    const value = alias.value ?? (this.#options.needsAlias ? undefined : this.#options.prefix)
    if (value === undefined) return { revision: alias.revision }
    if (!this.#isFollowed(alias)) await this.#lookBeside(alias, context)
    // If the keys are followed one by one, they change without a write of the alias key. So each read gets a revision of its own.
    this.#reads += 1
    const mark = this.#isFollowed(alias) ? `read ${this.#reads}` : alias.revision
    return { value, revision: `${mark} ${this.#moves}` }
  }

  async fetch(prefix: string, { signal, warn }: FetchContext): Promise<ProviderConfig> {
    this.#fetches += 1
    try {
      let isFollowed = false
      let isPlain = false
      let aliasRevision = ''
      const tree = await this.#store.readBoth(
        (alias) => {
          isFollowed = this.#isFollowed(alias)
          isPlain = alias.value === undefined
          aliasRevision = alias.revision
          if (alias.value === undefined)
            return this.#options.prefix === prefix && isFollowed ? prefix : undefined
          return this.#parse(alias.value) === prefix ? prefix : undefined
        },
        { signal },
      )
      // If the fetch was aborted, it must not follow the keys that it read, because a newer fetch may already follow other keys.
      signal.throwIfAborted()
      if (!tree) return await this.#superseded(signal)
      // Drop the changes that were not reported yet, because this read already contains them. Reporting them would deliver the
      // same document twice. `follow` reports all later changes.
      this.#forgetChanges()
      if (isFollowed) tree.follow(() => this.#changed())
      else this.#store.unfollow()
      this.#followBeside(tree.beside, prefix, aliasRevision)
      if (!hasKeys(tree.entries) && !this.#options.allowEmpty)
        throw nothingBelow(prefix, isPlain ? `and there is no ${this.alias}` : `which ${this.alias} names`)
      const beside = tree.beside && { entries: tree.beside.entries, prefix: this.#options.prefix }
      if (tree.beside?.denied !== undefined) warn?.(this.#unseen(tree.beside.denied))
      const document = await runInSlices(documentOfKeys(tree.entries, prefix, warn, beside), signal)
      const label = isPlain ? { version: `${prefix} (revision ${tree.revision})` } : {}
      return { ...label, ...(document as ProviderConfig), prefix }
    } finally {
      this.#fetches -= 1
      if (this.#changedMeanwhile) this.#changed()
    }
  }

  #followBeside(beside: FollowedBeside | undefined, target: string, aliasRevision: string): void {
    this.#beside = beside && { aliasRevision, target, mark: beside.mark }
    if (beside) beside.follow(() => this.#changed())
    else this.#store.unfollowBeside()
  }

  /**
   * Checks whether the static configuration has changed, because the revision of the alias does not show such a change. If the
   * alias was written, the check is skipped, because the fetch that follows reads the static configuration anyway.
   */
  async #lookBeside({ revision }: KvReading, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const known = this.#beside
    if (known === undefined || known.aliasRevision !== revision) return
    const beside = await this.#store.readBeside(known.target, { signal }).catch((thrown: unknown) => {
      // If the static configuration is unusable, ignore the error here. The next fetch reads it again and reports the error.
      if (thrown instanceof ProxyError && thrown.source === 'config') return undefined
      throw thrown
    })
    const mark = beside?.mark ?? 'unusable'
    if (signal.aborted || this.#beside !== known) return
    if (mark !== known.mark) this.#moves += 1
    known.mark = mark
    beside?.follow(() => this.#changed())
  }

  /** Returns the warning that the search for static configuration was not possible. */
  #unseen(why: string): Issue {
    const { prefix } = this.#options
    const message = `Traefik reads static configuration here, but it cannot be searched: ${why}`
    return { path: shownKey(`${prefix}/`), code: 'NOT_SUPPORTED', message }
  }

  /** Returns whether each change of a key is followed. If false, only the alias key is followed. */
  #isFollowed({ value }: KvReading): boolean {
    return value === undefined ? !this.#options.needsAlias : this.#options.followTarget
  }

  /** Returns the prefix that an alias value names. @throws ProxyError `PROXY_ALIAS_INVALID` if the value is not a valid prefix */
  #parse(value: string): string {
    const path = parseAliasValue(value, this.#options.allowedPrefix)
    if (path !== '/') return path
    throw new ProxyError(
      'PROXY_ALIAS_INVALID',
      'the alias value "/" names all keys of the store; expected a prefix',
    )
  }

  /**
   * Handles a fetch that finds that the alias now names another prefix. It reports the change, then waits until the
   * `AliasProvider` aborts the fetch.
   */
  async #superseded(signal: AbortSignal): Promise<never> {
    this.#moves += 1
    this.#watcher?.changed()
    if (!signal.aborted) await once(signal, 'abort')
    throw signal.reason
  }

  /** Records a change of a followed key. The change is reported at the end of its burst. */
  #changed(): void {
    this.#changedMeanwhile = false
    this.#changes.changed()
  }

  #forgetChanges(): void {
    this.#changes.forget()
    this.#changedMeanwhile = false
  }

  /**
   * Reports a burst of changes. If a fetch is in progress, the report waits for its end, because a report aborts the fetch.
   * Otherwise, keys that change faster than they can be read would never go live.
   */
  #reportChanges(): void {
    if (this.#fetches > 0) this.#changedMeanwhile = true
    else this.#watcher?.changed()
  }
}

/** Returns the error for a prefix that has no keys. @param more the end of the message: why this prefix was read */
function nothingBelow(prefix: string, more: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `there is nothing below ${prefix}/, ${more}`)
}
