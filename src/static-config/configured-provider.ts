import { nullRecord, present } from '../base/records.js'
import type { ProviderConfig } from '../model/config.js'
import type { Provider } from '../model/provider.js'

/** What a static configuration says of every provider. */
export interface ProviderDefaults {
  /** Of frontends that name none; undefined: all. */
  readonly entryPoints: readonly string[] | undefined
  readonly throttleMs: number | undefined
}

/** The same provider, with what the static configuration says of all of them. */
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
 * A copy of a document, of any shape, whose frontends name entry points. What is no frontend stays as it is: whoever checks
 * the document tells of it.
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
