import type { Backend, Frontend, ProviderConfig } from './config.js'
import type { Issue } from './errors.js'
import { isSameData } from './same-data.js'

/**
 * Frontends and backends of one or several providers under their full names, `name@provider`. A frontend's
 * `backend` is a full name too. A `Map`, because names are data: none can reach a prototype.
 */
export interface MergedConfig {
  readonly frontends: ReadonlyMap<string, Frontend>
  readonly backends: ReadonlyMap<string, Backend>
}

/** What is known of a configuration beside itself when it is swapped in; becomes part of `configChanged`. */
export interface ApplyNotes {
  readonly provider: string
  readonly version?: string | undefined
  readonly verified?: boolean
  readonly steps?: Readonly<Record<string, number>>
  readonly warnings?: readonly Issue[]
  /** Some provider has not delivered yet: what no frontend matches may be its, and gets 503 instead of 404. */
  readonly partial?: boolean
}

/**
 * Swaps a merged configuration in; what the supervisor is given by whoever owns the engine.
 *
 * @param cancel gives up, unless the swap is done
 * @param onSwapped called between the swap and `configChanged`; not at all if nothing had to be swapped
 */
export type ApplyMerged = (
  config: MergedConfig,
  about: ApplyNotes,
  cancel: AbortSignal,
  onSwapped: () => void,
) => Promise<{ readonly generation: number }>

/** `name@provider`; a name that says its provider already is left alone. */
export function qualifyName(name: string, provider: string): string {
  return name.includes('@') ? name : `${name}@${provider}`
}

/**
 * One provider's document under full names. An entry that is as it was before is the very object it was before, so that
 * all that compares generations after this sees at once what did not change.
 *
 * @param before what the same provider has live
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

/** Several providers' configurations as one, and an issue for each frontend whose backend nobody has. */
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
