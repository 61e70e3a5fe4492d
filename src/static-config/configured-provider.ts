import { nullRecord, present } from '../base/records.js'
import type { ProviderConfig } from '../model/config.js'
import type { Provider } from '../model/provider.js'

/** Settings of the static configuration that apply to every provider. */
export interface ProviderDefaults {
  /** The entry points that a frontend gets if it names none. If undefined, such a frontend serves on all entry points. */
  readonly entryPoints: readonly string[] | undefined
  readonly throttleMs: number | undefined
}

/** Wraps a provider, so that the settings that the static configuration has for all providers apply to it. */
export function configuredProvider(provider: Provider, defaults: ProviderDefaults): Provider {
  const { entryPoints, throttleMs = provider.throttleMs } = defaults
  const filled = (config: ProviderConfig) =>
    entryPoints ? (withEntryPoints(config, entryPoints) as ProviderConfig) : config
  return {
    name: provider.name,
    ...present({ allowEmpty: provider.allowEmpty, throttleMs }),
    start: (sink) =>
      provider.start({
        update: (config, about) => sink.update(filled(config), about),
        reject: (error, about) => sink.reject(error, about),
        unavailable: (error) => sink.unavailable(error),
        recovered: () => sink.recovered(),
      }),
    stop: () => provider.stop(),
  }
}

/**
 * Returns a copy of a configuration document. In the copy, each frontend that names no entry point gets `entryPoints`. The
 * document may have any shape: what is not a frontend stays as it is, because validation reports it later.
 */
export function withEntryPoints(document: unknown, entryPoints: readonly string[]): unknown {
  try {
    if (!isTable(document) || !isTable(document['frontends'])) return document
    const frontends = nullRecord<unknown>()
    for (const [name, frontend] of Object.entries(document['frontends'])) {
      const named = !isTable(frontend) || frontend['entryPoints'] !== undefined
      frontends[name] = named ? frontend : { ...frontend, entryPoints }
    }
    return { ...document, frontends }
  } catch {
    return document
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
