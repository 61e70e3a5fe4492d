import type { Backend, Frontend, ProviderConfig } from './config.js'
import type { Issue } from './errors.js'
import type { Metadata } from './metadata.js'
import { isSameData } from './same-data.js'

/**
 * The frontends and backends of one or several providers under their full names, `name@provider`. The `backend` of a frontend is
 * a full name too. Both are in a `Map`, because in an object a name such as `__proto__` would change the prototype.
 */
export interface MergedConfig {
  readonly frontends: ReadonlyMap<string, Frontend>
  readonly backends: ReadonlyMap<string, Backend>
}

/** Details of a configuration that is passed to `ProxyEngine.apply`. The event `configChanged` repeats them, except `partial`. */
export interface ApplyNotes {
  /** The name of the provider that delivered the configuration. */
  readonly provider: string
  /** The version label of the document. @default none */
  readonly version?: string | undefined
  /** The labels of the document. @default none */
  readonly metadata?: Metadata | undefined
  /** False if the source did not confirm that it answered with the requested version. @default true */
  readonly verified?: boolean
  /** Milliseconds that each step took so far, in order. @default none */
  readonly steps?: Readonly<Record<string, number>>
  /** Warnings: issues for which the document was not refused, such as fields that were left out. @default none */
  readonly warnings?: readonly Issue[]
  /**
   * True while some provider has not delivered yet. A request that no frontend matches may belong to that provider, so it gets
   * 503 instead of 404.
   *
   * @default false
   */
  readonly partial?: boolean
}

/**
 * The type of a function that compiles a merged configuration and makes it live. The engine has such a function, and the
 * supervisor of the providers calls it.
 *
 * @param cancel aborts the call if the configuration is not live yet
 * @param onSwapped called when the configuration has become live, before `configChanged`; not called if it equals the one before
 */
export type ApplyMerged = (
  config: MergedConfig,
  about: ApplyNotes,
  cancel: AbortSignal,
  onSwapped: () => void,
) => Promise<{ readonly generation: number }>

/** Returns `name@provider`. A name that has this form already is returned unchanged. */
export function qualifyName(name: string, provider: string): string {
  return name.includes('@') ? name : `${name}@${provider}`
}

/**
 * Returns the document of one provider with full names (`name@provider`). If an entry equals the live entry of the same name, the
 * result has the object of the live entry. Later comparisons of generations then need only compare objects by identity.
 *
 * @param before the live configuration of the same provider
 */
export function* qualifyConfig(
  config: ProviderConfig,
  provider: string,
  before?: MergedConfig,
): Generator<void, MergedConfig> {
  const frontends = new Map<string, Frontend>()
  for (const name of Object.keys(config.frontends)) {
    const frontend = config.frontends[name] as Frontend
    const full = qualifyName(name, provider)
    const backend = qualifyName(frontend.backend, provider)
    frontends.set(full, sameOr(before?.frontends.get(full), { ...frontend, backend }))
    yield
  }
  const backends = new Map<string, Backend>()
  for (const name of Object.keys(config.backends)) {
    const full = qualifyName(name, provider)
    backends.set(full, sameOr(before?.backends.get(full), config.backends[name] as Backend))
    yield
  }
  return { frontends, backends }
}

function sameOr<T>(before: T | undefined, now: T): T {
  return before !== undefined && isSameData(before, now) ? before : now
}

/** Merges the configurations of several providers. Adds an issue for each frontend whose backend no provider has. */
export function* mergeConfigs(
  configs: Iterable<MergedConfig>,
): Generator<void, { merged: MergedConfig; issues: Issue[] }> {
  const { frontends, backends } = yield* union([...configs])
  const issues: Issue[] = []
  for (const [name, { backend }] of frontends) {
    if (!backends.has(backend)) {
      issues.push({
        path: `frontends[${JSON.stringify(name)}].backend`,
        code: 'MISSING_BACKEND',
        message: `no provider has a backend ${JSON.stringify(backend)}`,
      })
    }
    yield
  }
  return { merged: { frontends, backends }, issues }
}

function* union(configs: readonly MergedConfig[]): Generator<void, MergedConfig> {
  const [first] = configs
  if (first && configs.length === 1) return first
  const frontends = new Map<string, Frontend>()
  const backends = new Map<string, Backend>()
  for (const config of configs) {
    for (const [name, frontend] of config.frontends) {
      frontends.set(name, frontend)
      yield
    }
    for (const [name, backend] of config.backends) {
      backends.set(name, backend)
      yield
    }
  }
  return { frontends, backends }
}
