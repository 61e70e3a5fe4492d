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

/** How a `KvSource` reads its store. */
export interface KvSourceOptions {
  /** The provider's own prefix. The keys below it are read where there is no alias. */
  readonly prefix: string
  /** Whether the alias key must exist. If false, the own prefix is read while it does not. */
  readonly needsAlias: boolean
  /** Whether the tree that the alias names is followed key by key. */
  readonly followTarget: boolean
  /** Milliseconds without another change that end a burst of changes. */
  readonly debounceMs: number
  /** Whether a prefix without keys is a valid, empty configuration. */
  readonly allowEmpty: boolean
  /** Alias values must be this prefix or a path below it. */
  readonly allowedPrefix: string | undefined
}

/**
 * An alias source and its fetcher in one, for a configuration that is kept key by key. The alias key names the prefix of the
 * tree. Where there is no alias key, the tree is the one below the provider's own prefix, and it is followed key by key.
 */
export class KvSource implements AliasSource, ConfigFetcher {
  readonly #store: KvStore
  readonly #options: KvSourceOptions
  #watcher: AliasWatcher | undefined
  /** Reads so far. The number is a new revision for each read of a tree that is followed. */
  #reads = 0
  /**
   * Changes that the revision of the alias does not show. It counts fetches that found another alias value, and changes of the
   * static configuration.
   */
  #moves = 0
  /** The mark of the static configuration that was read together with the tree, and the alias that named the tree. */
  #beside: { readonly aliasRevision: string; readonly target: string; mark: string } | undefined
  /** Fetches in progress. */
  #fetches = 0
  readonly #changes: Debounce
  /** Whether a burst of changes ended during a fetch. It is reported after that fetch. */
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
    // A tree that is followed changes without a write of the alias, so each read gets a revision of its own.
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
      // A fetch that was aborted must not follow its tree, because a newer fetch may follow another tree by now.
      signal.throwIfAborted()
      if (!tree) return await this.#superseded(signal)
      // This read has all earlier changes, so reporting them would deliver one document twice. `follow` reports the later ones.
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
   * Checks whether the static configuration has changed, because the revision of the alias does not show it. After a write of the
   * alias the check is skipped: the fetch that follows reads the static configuration anyway.
   */
  async #lookBeside({ revision }: KvReading, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const known = this.#beside
    if (known === undefined || known.aliasRevision !== revision) return
    const beside = await this.#store.readBeside(known.target, { signal }).catch((thrown: unknown) => {
      // The next fetch reads it again and reports why it is unusable.
      if (thrown instanceof ProxyError && thrown.source === 'config') return undefined
      throw thrown
    })
    const mark = beside?.mark ?? 'unusable'
    if (signal.aborted || this.#beside !== known) return
    if (mark !== known.mark) this.#moves += 1
    known.mark = mark
    beside?.follow(() => this.#changed())
  }

  /** Returns the warning that the static configuration could not be searched. */
  #unseen(why: string): Issue {
    const { prefix } = this.#options
    const message = `Traefik reads static configuration here, but it cannot be searched: ${why}`
    return { path: shownKey(`${prefix}/`), code: 'NOT_SUPPORTED', message }
  }

  /** Returns whether the tree of this alias is followed key by key. */
  #isFollowed({ value }: KvReading): boolean {
    return value === undefined ? !this.#options.needsAlias : this.#options.followTarget
  }

  /** Returns the prefix that an alias value names. @throws ProxyError `PROXY_ALIAS_INVALID` */
  #parse(value: string): string {
    const path = parseAliasValue(value, this.#options.allowedPrefix)
    if (path !== '/') return path
    throw new ProxyError(
      'PROXY_ALIAS_INVALID',
      'the alias value "/" names all keys of the store; expected a prefix',
    )
  }

  /** Reports that the alias names another tree by now, and waits until the `AliasProvider` aborts this fetch. */
  async #superseded(signal: AbortSignal): Promise<never> {
    this.#moves += 1
    this.#watcher?.changed()
    if (!signal.aborted) await once(signal, 'abort')
    throw signal.reason
  }

  /** Takes a change of what is followed. It is reported at the end of its burst. */
  #changed(): void {
    this.#changedMeanwhile = false
    this.#changes.changed()
  }

  #forgetChanges(): void {
    this.#changes.forget()
    this.#changedMeanwhile = false
  }

  /**
   * Reports a burst of changes. During a fetch it waits, because a report aborts the fetch. Changes that come faster than a tree is
   * read would otherwise never go live.
   */
  #reportChanges(): void {
    if (this.#fetches > 0) this.#changedMeanwhile = true
    else this.#watcher?.changed()
  }
}

/** Returns the error for a prefix without keys. @param more the rest of the message: why this prefix was read */
function nothingBelow(prefix: string, more: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `there is nothing below ${prefix}/, ${more}`)
}
