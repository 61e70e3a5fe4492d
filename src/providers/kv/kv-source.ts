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
import type { KvBeside } from './kv-beside.js'
import { documentOfKeys, hasKeys, type KvEntry } from './kv-document.js'
import { shownKey } from './kv-static-keys.js'

/** One key of a store. */
export interface KvReading {
  readonly value?: string
  /** A mark that changes whenever the key is written. */
  readonly revision: string
}

/** All keys below a prefix, as they were at one moment. */
export interface KvTree {
  readonly entries: readonly KvEntry[]
  /** Of the newest of them: the same as long as none is written. */
  readonly revision: string
  /** Tells of each change since, in place of what was followed before. */
  follow(changed: () => void): void
  /** Where the alias names another prefix than the own one: what stands of a static configuration below that one. */
  readonly beside?: FollowedBeside
}

/** Static configuration beside an alias, which can be followed. */
export interface FollowedBeside extends KvBeside {
  /** Tells of changes since, in place of what was followed before; of some perhaps at the next read only. */
  follow(changed: () => void): void
}

/** A store of keys whose alias key is watched, and one tree of it where that is wanted. */
export interface KvStore {
  /** The alias key and where it is, for messages. */
  readonly place: string
  /** Rings when the alias key was written, when there is a connection again, and now and then. */
  watch(bell: AliasWatcher): void
  /** The alias key, now. */
  readAlias(context: { readonly signal: AbortSignal }): Promise<KvReading>
  /**
   * The alias key and the tree that belongs to its value, at one moment.
   *
   * @param prefixOf which prefix that is; none: no tree is read
   */
  readBoth(
    prefixOf: (alias: KvReading) => string | undefined,
    context: { readonly signal: AbortSignal },
  ): Promise<KvTree | undefined>
  /** What stands beside the alias now, for an alias value as a prefix. */
  readBeside(target: string, context: { readonly signal: AbortSignal }): Promise<FollowedBeside>
  /** Tells of no tree any more. */
  unfollow(): void
  /** Tells of nothing beside an alias any more. */
  unfollowBeside(): void
  stop(): void
}

export interface KvSourceOptions {
  /** What is read where there is no alias. */
  readonly prefix: string
  /** Whether the alias must be there. */
  readonly needsAlias: boolean
  /** Whether the tree that the alias names is followed. */
  readonly followTarget: boolean
  /** How long the store must be left alone after a change of a tree. */
  readonly debounceMs: number
  readonly allowEmpty: boolean
  /** Alias values must be this or stand below it. */
  readonly allowedPrefix: string | undefined
}

/** Changes that do not end are read after so many times `debounceMs`. */
const MOST_DEBOUNCES = 10

/**
 * A tree of keys as an alias source and its fetcher in one: the alias key names the tree; where there is none, the tree is the
 * one below the prefix, which is followed key by key.
 */
export class KvSource implements AliasSource, ConfigFetcher {
  readonly #store: KvStore
  readonly #options: KvSourceOptions
  #watcher: AliasWatcher | undefined
  #reads = 0
  /** How often an alias was another when its tree was to be read, or something else stood beside it. */
  #moves = 0
  /** What stood beside the alias when its tree was read. */
  #beside: { readonly aliasRevision: string; readonly target: string; mark: string } | undefined
  #fetches = 0
  #firstChange: number | undefined
  #quiet: NodeJS.Timeout | undefined
  #changedMeanwhile = false

  constructor(store: KvStore, options: KvSourceOptions) {
    this.#store = store
    this.#options = options
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
    clearTimeout(this.#quiet)
    this.#store.stop()
  }

  async read(context: { readonly signal: AbortSignal }): Promise<AliasReading> {
    const alias = await this.#store.readAlias(context)
    const value = alias.value ?? (this.#options.needsAlias ? undefined : this.#options.prefix)
    if (value === undefined) return { revision: alias.revision }
    if (!this.#isFollowed(alias)) await this.#lookBeside(alias, context)
    // Of a tree that is followed, the alias does not tell whether it changed.
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
      // Late, it would turn the watch back to what was left.
      signal.throwIfAborted()
      if (!tree) return await this.#superseded(signal)
      // What comes after this reading is told by what follows from it. A ring for what came before would deliver it twice.
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

  /** The alias does not tell what changed beside it. What a fetch will read anyway is not looked for here. */
  async #lookBeside({ revision }: KvReading, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const known = this.#beside
    if (known === undefined || known.aliasRevision !== revision) return
    const beside = await this.#store.readBeside(known.target, { signal }).catch((thrown: unknown) => {
      // The fetch says why.
      if (thrown instanceof ProxyError && thrown.source === 'config') return undefined
      throw thrown
    })
    const mark = beside?.mark ?? 'unusable'
    if (signal.aborted || this.#beside !== known) return
    if (mark !== known.mark) this.#moves += 1
    known.mark = mark
    beside?.follow(() => this.#changed())
  }

  #unseen(why: string): Issue {
    const { prefix } = this.#options
    const message = `static configuration beside the alias cannot be looked for: ${why}. Traefik reads it there`
    return { path: shownKey(`${prefix}/`), code: 'NOT_SUPPORTED', message }
  }

  #isFollowed({ value }: KvReading): boolean {
    return value === undefined ? !this.#options.needsAlias : this.#options.followTarget
  }

  /** @throws ProxyError `PROXY_ALIAS_INVALID` */
  #parse(value: string): string {
    const path = parseAliasValue(value, this.#options.allowedPrefix)
    if (path !== '/') return path
    throw new ProxyError('PROXY_ALIAS_INVALID', 'the alias value "/" names all keys there are')
  }

  /** The alias names another tree by now. Whoever asked for this one will be told to give up. */
  async #superseded(signal: AbortSignal): Promise<never> {
    this.#moves += 1
    this.#watcher?.changed()
    if (!signal.aborted) await once(signal, 'abort')
    throw signal.reason
  }

  /** Waits for the end of a burst. */
  #changed(): void {
    const now = performance.now()
    const { debounceMs } = this.#options
    this.#changedMeanwhile = false
    this.#firstChange ??= now
    clearTimeout(this.#quiet)
    const latest = this.#firstChange + MOST_DEBOUNCES * debounceMs
    this.#quiet = setTimeout(() => this.#ringForChanges(), Math.max(0, Math.min(debounceMs, latest - now)))
    this.#quiet.unref()
  }

  #forgetChanges(): void {
    clearTimeout(this.#quiet)
    this.#firstChange = undefined
    this.#changedMeanwhile = false
  }

  /** A ring would end the fetch under way: changes that come faster than trees are read would never be seen. */
  #ringForChanges(): void {
    this.#firstChange = undefined
    if (this.#fetches > 0) this.#changedMeanwhile = true
    else this.#watcher?.changed()
  }
}

function nothingBelow(prefix: string, more: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `there is nothing below ${prefix}/, ${more}`)
}
