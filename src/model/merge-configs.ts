import type { Backend, Frontend, ProviderConfig } from './config.js'
import type { Issue } from './errors.js'
import { isSameData } from './same-data.js'

/**
 * The frontends and backends of one or several providers under their full names, `name@provider`. The `backend` of a frontend is
 * a full name too. They are in a `Map`, because a name in a document, such as `__proto__`, must not reach a prototype.
 */
export interface MergedConfig {
  readonly frontends: ReadonlyMap<string, Frontend>
  readonly backends: ReadonlyMap<string, Backend>
}

/** Notes on a configuration that `ProxyEngine.apply` gets. The event `configChanged` repeats them. */
export interface ApplyNotes {
  /** The provider that delivered it. */
  readonly provider: string
  /** The label of the document. @default none */
  readonly version?: string | undefined
  /** False if the source did not confirm that it answered with the wanted version. @default true */
  readonly verified?: boolean
  /** Milliseconds of each step so far, in order. @default none */
  readonly steps?: Readonly<Record<string, number>>
  /** Issues that did not refuse the document, such as fields that were left out. @default none */
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
 * Swaps a merged configuration in. The engine has such a function, and the supervisor of the providers calls it.
 *
 * @param cancel gives up when it aborts before the swap
 * @param onSwapped called between the swap and `configChanged`; not called if the configuration equals the one that serves
 */
export type ApplyMerged = (
  config: MergedConfig,
  about: ApplyNotes,
  cancel: AbortSignal,
  onSwapped: () => void,
) => Promise<{ readonly generation: number }>

/** Returns `name@provider`. A name that already names its provider stays as it is. */
export function qualifyName(name: string, provider: string): string {
  return name.includes('@') ? name : `${name}@${provider}`
}

/**
 * Puts the document of one provider under full names. An entry that equals the one before keeps the object of the one before.
 * Later comparisons of generations then need only compare objects by identity.
 *
 * @param before the configuration of the same provider that is live
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

/** Merges the configurations of several providers. It makes an issue for each frontend whose backend no provider has. */
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
