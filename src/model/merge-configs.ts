import type { Backend, Frontend, ProviderConfig } from './config.js'
import type { Issue } from './errors.js'

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
 * One provider's document under full names. Done once per document, so that its entries stay the same objects
 * through every later merge, and whatever compares generations sees at once what did not change.
 */
export function* qualifyConfig(config: ProviderConfig, provider: string): Generator<void, MergedConfig> {
  const frontends = new Map<string, Frontend>()
  for (const [name, frontend] of Object.entries(config.frontends)) {
    frontends.set(qualifyName(name, provider), {
      ...frontend,
      backend: qualifyName(frontend.backend, provider),
    })
    yield
  }
  const backends = new Map<string, Backend>()
  for (const [name, backend] of Object.entries(config.backends)) {
    backends.set(qualifyName(name, provider), backend)
    yield
  }
  return { frontends, backends }
}

/** Several providers' configurations as one, and an issue for each frontend whose backend nobody has. */
export function* mergeConfigs(
  configs: Iterable<MergedConfig>,
): Generator<void, { merged: MergedConfig; issues: Issue[] }> {
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
