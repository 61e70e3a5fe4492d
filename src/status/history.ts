import { maskCredentials } from '../base/credentials.js'
import type { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import type { Issue } from '../model/errors.js'
import type { Changes, ConfigChanged, ConfigRejected } from '../model/events.js'
import type { Metadata } from '../model/metadata.js'

const MAX_ENTRIES = 50
/**
 * The highest number of names in each list of the configuration history, and of problems listed for a refused configuration. The
 * counts beside the lists are complete.
 */
const MAX_LISTED = 100
/** The highest total length of the names in one list of the configuration history, in characters. */
const MAX_LISTED_LENGTH = 10_000

/**
 * A shortened list of names, such as frontends in the form `name@provider`. `count` is the number of all names. `names` has the
 * first hundred, or fewer if they are long.
 */
export interface ListedNames {
  readonly count: number
  readonly names: readonly string[]
}

export interface ListedChanges {
  readonly added: ListedNames
  readonly removed: ListedNames
  readonly changed: ListedNames
}

/** An entry of the configuration history for a switch to a new configuration: a new generation began to serve requests. */
export interface SwitchEntry {
  readonly type: 'switch'
  readonly id: number
  /** The time when the new configuration went live (ISO 8601). */
  readonly at: string
  readonly generation: number
  readonly provider: string
  readonly version?: string
  readonly metadata?: Metadata
  readonly verified: boolean
  readonly changes: { readonly frontends: ListedChanges; readonly backends: ListedChanges }
  /** Milliseconds that each step of the switch took, by the name of the step, in order. */
  readonly steps: Readonly<Record<string, number>>
  readonly warnings: readonly Issue[]
}

/** An entry of the configuration history for a configuration that the proxy refused. The previous configuration stayed in use. */
export interface RefusalEntry {
  readonly type: 'refusal'
  readonly id: number
  readonly at: string
  readonly provider: string
  readonly version?: string
  readonly error: {
    readonly code: string
    readonly message: string
    /** The first hundred problems that were found in the refused configuration. */
    readonly issues: readonly Issue[]
    readonly issueCount: number
  }
}

export type HistoryEntry = SwitchEntry | RefusalEntry

/** The problem that keeps a provider from serving its newest configuration. */
export interface LastError {
  readonly at: string
  readonly code?: string
  readonly message: string
}

/**
 * Keeps the newest switches to a new configuration and the newest refused configurations, newest first, and the last error of
 * each provider.
 */
export class History {
  readonly #entries: HistoryEntry[] = []
  readonly #lastErrors = new Map<string, LastError>()
  readonly #refusals = new Map<string, number>()
  readonly #listeners = new Set<(entry: HistoryEntry) => void>()
  #lastId = 0
  #switches = 0
  #lastSwitchAt: number | undefined
  #lastRefusalAt: number | undefined

  constructor(events: ProxyEmitter) {
    events.on('configChanged', (event) => {
      this.#lastErrors.delete(event.provider)
      this.#switches += 1
      this.#lastSwitchAt = Date.now()
      this.#add(switchEntry(event, this.#lastId + 1))
    })
    events.on('configRejected', (event) => {
      const entry = refusalEntry(event, this.#lastId + 1)
      const { code, message } = entry.error
      this.#lastErrors.set(event.provider, { at: entry.at, code, message })
      this.#refusals.set(event.provider, this.refusalsOf(event.provider) + 1)
      this.#lastRefusalAt = Date.now()
      this.#add(entry)
    })
    events.on('providerUnavailable', ({ provider, error }) => {
      const { code } = error as { code?: unknown }
      const known = typeof code === 'string' ? { code } : {}
      this.#lastErrors.set(provider, { at: now(), ...known, message: maskCredentials(error.message) })
    })
    events.on('providerRecovered', ({ provider }) => this.#lastErrors.delete(provider))
  }

  get entries(): readonly HistoryEntry[] {
    return this.#entries
  }

  get switches(): number {
    return this.#switches
  }

  /** The time when a configuration last went live, as returned by `Date.now()`. Undefined before the first one. */
  get lastSwitchAt(): number | undefined {
    return this.#lastSwitchAt
  }

  get lastRefusalAt(): number | undefined {
    return this.#lastRefusalAt
  }

  refusalsOf(provider: string): number {
    return this.#refusals.get(provider) ?? 0
  }

  lastErrorOf(provider: string): LastError | undefined {
    return this.#lastErrors.get(provider)
  }

  /** Calls the listener for each new entry of the configuration history. @returns a function that removes the listener */
  onEntry(listener: (entry: HistoryEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #add(entry: HistoryEntry): void {
    this.#lastId = entry.id
    this.#entries.unshift(entry)
    this.#entries.length = Math.min(this.#entries.length, MAX_ENTRIES)
    for (const listener of this.#listeners) listener(entry)
  }
}

function switchEntry(event: ConfigChanged, id: number): SwitchEntry {
  const { generation, provider, version, metadata, verified, changes, steps, warnings } = event
  return {
    type: 'switch',
    id,
    at: now(),
    generation,
    provider,
    ...(version !== undefined && { version }),
    ...(metadata && { metadata }),
    verified,
    changes: { frontends: listed(changes.frontends), backends: listed(changes.backends) },
    steps,
    warnings: guardsFirst(warnings).slice(0, MAX_LISTED).map(maskedIssue),
  }
}

function refusalEntry({ provider, version, error }: ConfigRejected, id: number): RefusalEntry {
  const { code, message, issues } = error
  return {
    type: 'refusal',
    id,
    at: now(),
    provider,
    ...(version !== undefined && { version }),
    error: {
      code,
      message: maskCredentials(message),
      issues: issues.slice(0, MAX_LISTED).map(maskedIssue),
      issueCount: issues.length,
    },
  }
}

function listed({ added, removed, changed }: Changes): ListedChanges {
  return { added: listedNames(added), removed: listedNames(removed), changed: listedNames(changed) }
}

/** Shortens a list of names. Returns the number of all names, and the first hundred of them, or fewer if they are long. */
export function listedNames(all: readonly string[]): ListedNames {
  return { count: all.length, names: firstOf(all) }
}

/**
 * Moves the warnings about guards that the proxy ignores to the front. The caller cuts the list at its end, and these warnings
 * must not be lost.
 */
function guardsFirst(warnings: readonly Issue[]): readonly Issue[] {
  const isGuard = ({ code }: Issue) => code === 'GUARD_DROPPED'
  return [...warnings.filter(isGuard), ...warnings.filter((warning) => !isGuard(warning))]
}

/**
 * Returns the first hundred names, or fewer if they are long. Long names would otherwise make the configuration history too
 * large.
 */
function firstOf(names: readonly string[]): readonly string[] {
  let length = 0
  const fitting = names.slice(0, MAX_LISTED).findIndex((name) => {
    length += name.length
    return length > MAX_LISTED_LENGTH
  })
  return names.slice(0, fitting < 0 ? MAX_LISTED : fitting)
}

function maskedIssue({ path, code, message }: Issue): Issue {
  return { path, code, message: maskCredentials(message) }
}

function now(): string {
  return new Date().toISOString()
}
