import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { onlyKnownOptions } from '../base/known-options.js'
import { quote } from '../base/messages.js'
import { asError, configInvalid, type Issue, ProxyError } from '../model/errors.js'
import { formatOf, parseDocument, parseText } from '../providers/parse-document.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { StaticKey } from '../validation/static-keys/static-key.js'
import { type UnsupportedFields, unsupportedFieldsIn } from '../validation/unsupported-fields.js'
import { ApplicationLogger } from './application-logger.js'
import { fillBags } from './bags.js'
import { checkByKey } from './check-by-key.js'
import { configuredProvider } from './configured-provider.js'
import { type EntryPoints, entryPointsOf } from './entry-points.js'
import { providersOf } from './providers-of.js'
import { proxyOptionsOf } from './proxy-options-of.js'
import { ReplaceableProvider } from './replaceable-provider.js'
import { Settings } from './settings.js'
import { takeEnvironment, takeFlags, takeForeign } from './text-settings.js'

/**
 * A static configuration as `createProxy` and `proxy.listen` take it. `loadStaticConfig` returns it.
 *
 * @example
 * ```ts
 * const { options, listen, warnings }: StaticConfig = await loadStaticConfig('traefik.toml')
 * for (const { path, message } of warnings) console.warn(`${path}: ${message}`)
 * const proxy = createProxy(options)
 * for (const name of listen) await proxy.listen(name)
 * ```
 */
export interface StaticConfig {
  /** The options of `createProxy`. They include the providers that the static configuration enables. */
  readonly options: ProxyOptions
  /** The names of the entry points that serve requests. The embedding application passes each of them to `proxy.listen`. */
  readonly listen: readonly string[]
  /**
   * Milliseconds for which a proxy that is closing still accepts requests. Pass it to `proxy.close` as `acceptMs`. Source:
   * Traefik's `lifeCycle.requestAcceptGraceTimeout`.
   *
   * @default 0
   */
  readonly acceptMs: number
  /**
   * Milliseconds that unfinished requests get to finish when the proxy closes. Pass it to `proxy.close` as `drainMs`. Source:
   * Traefik's `lifeCycle.graceTimeOut`.
   *
   * @default 10_000
   */
  readonly drainMs: number
  /** Problems that do not prevent the proxy from running, such as a key of Traefik that the proxy does not support yet. */
  readonly warnings: readonly Issue[]
}

/**
 * Flags and environment variables. Flags override environment variables, and both override the configuration file.
 *
 * @example
 * ```ts
 * const overrides: StaticConfigOverrides = { flags: { 'etcd.prefix': '/traefik/dev' }, env: process.env }
 * const config = await loadStaticConfig('traefik.toml', overrides)
 * ```
 */
export interface StaticConfigOverrides {
  /**
   * Flags of the command line. Each name is the path of a configuration key, without dashes: `{ 'etcd.prefix': '/traefik/dev' }`.
   * The value `'true'` enables a table such as `etcd`.
   *
   * @default {}
   */
  readonly flags?: Readonly<Record<string, string>>
  /**
   * Environment variables. `SWITCHOVER_ETCD_PREFIX` sets the configuration key `etcd.prefix`. The proxy reads `process.env` only
   * if it is passed here.
   *
   * @default {}
   */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * The path of a configuration file, or its content in TOML. A plain string with a line break or `=` is content. Any other plain
 * string is a path.
 *
 * @example
 * ```ts
 * const source: StaticConfigSource = { text: '[file]\nfilename = "rules.toml"' }
 * const config = await loadStaticConfig(source)
 * ```
 */
export type StaticConfigSource = string | { readonly path: string } | { readonly text: string }

/** The value of a configuration key, with the declaration of the key. */
export interface KeyValue {
  readonly key: StaticKey
  readonly value: unknown
}

/** A static configuration, with further fields that the command-line program needs to run and reload it. */
export interface ReadStaticConfig extends StaticConfig {
  /** The same providers as in `options.providers`. A reload replaces the inner provider of each one. */
  readonly providers: readonly ReplaceableProvider[]
  /** The logger in `options`. If undefined, `createProxy` chooses its default logger. */
  readonly logger: ApplicationLogger | undefined
  readonly entryPoints: EntryPoints
  /** Maps the path of each configuration key to its value. A reload compares two such maps to find changed keys. */
  readonly values: ReadonlyMap<string, KeyValue>
}

/** The result of reading a static configuration: the configuration, and the errors and warnings that were found in it. */
export interface InspectedStaticConfig {
  /** The configuration. Undefined if `issues` has an error. */
  readonly config: ReadStaticConfig | undefined
  readonly issues: readonly Issue[]
  readonly warnings: readonly Issue[]
  /** The part of the file that is a configuration document: the tables `frontends` and `backends`. */
  readonly document: Readonly<Record<string, unknown>>
  /** Says whether fields of Traefik that the proxy does not support yet are errors or warnings in a configuration document. */
  readonly unsupportedFields: UnsupportedFields
}

/**
 * Reads a static configuration like `loadStaticConfig`. The result also has the fields that a reload needs.
 *
 * @throws ProxyError as `loadStaticConfig` does
 */
export async function readStaticConfig(
  source: StaticConfigSource,
  overrides: StaticConfigOverrides = {},
): Promise<ReadStaticConfig> {
  const { config, issues } = await inspectStaticConfig(source, overrides)
  if (!config) throw configInvalid(issues)
  return config
}

/**
 * Reads a static configuration. Errors in it are returned and not thrown.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the file cannot be read or parsed
 */
export async function inspectStaticConfig(
  source: StaticConfigSource,
  { flags = {}, env = {} }: StaticConfigOverrides = {},
): Promise<InspectedStaticConfig> {
  const settings = new Settings()
  const { content, folder } = await contentOf(source)
  settings.takeFile(content)
  takeEnvironment(settings, env)
  takeFlags(settings, flags)
  takeForeign(settings, env)
  await settings.resolveFiles(folder)
  const config = configOf(settings)
  checkByKey(config.options, settings)
  const { issues, warnings, document } = settings
  const unsupportedFields = unsupportedFieldsIn(config.options)
  return { config: issues.length === 0 ? config : undefined, issues, warnings, document, unsupportedFields }
}

/** Builds the configuration even if it has errors, so that all errors are found at once. The errors are added to `settings`. */
function configOf(settings: Settings): ReadStaticConfig {
  const entryPoints = entryPointsOf(settings)
  const bags = fillBags(settings)
  const defaults = {
    entryPoints: entryPoints.defaults,
    throttleMs: settings.get<number>('providersThrottleDuration'),
  }
  const providers = providersOf(bags, settings, entryPoints.names).map(
    (provider) => new ReplaceableProvider(configuredProvider(provider, defaults)),
  )
  const logger = loggerOf(settings)
  const rest = proxyOptionsOf(bags.options, entryPoints, settings)
  if (settings.get('allowMinWeightZero') === false)
    settings.warn('allowMinWeightZero', 'a server of weight 0 gets no new requests here', 'INVALID_VALUE')
  return {
    options: { ...rest, providers, ...(logger && { logger }) },
    listen: entryPoints.names,
    acceptMs: settings.getOrDefault('lifeCycle.requestAcceptGraceTimeout'),
    drainMs: settings.getOrDefault('lifeCycle.graceTimeOut'),
    warnings: settings.warnings,
    providers,
    logger,
    entryPoints,
    values: new Map(
      [...settings.all].flatMap(([path, { key, value }]) => (key ? [[path, { key, value }]] : [])),
    ),
  }
}

/** Reads a configuration file, or takes its given content, and parses it. Relative paths in the content start from `folder`. */
async function contentOf(source: StaticConfigSource): Promise<{ content: unknown; folder: string }> {
  const given =
    typeof source !== 'string' ? source : /[\n\r=]/.test(source) ? { text: source } : { path: source }
  onlyKnownOptions(given, ['path', 'text'], 'loadStaticConfig: ')
  if ('text' in given) {
    return { content: await parseText(given.text, 'toml', 'traefik.toml'), folder: process.cwd() }
  }
  const { path } = given
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (thrown) {
    const message = `${path} cannot be read: ${asError(thrown).message}`
    throw new ProxyError('PROXY_CONFIG_UNUSABLE', message, { cause: thrown })
  }
  return {
    content: await parseDocument(bytes, formatOf(path) ?? 'toml', path),
    folder: dirname(resolve(path)),
  }
}

function loggerOf(settings: Settings): ApplicationLogger | undefined {
  const file = settings.get<string>('traefikLog.filePath')
  const format = settings.getOrDefault<string>('traefikLog.format')
  if (format === 'common' || format === 'json')
    return file === undefined && format === 'common' ? undefined : new ApplicationLogger({ file, format })
  const message = `expected "common" or "json", found ${quote(format)}`
  settings.issue('traefikLog.format', 'INVALID_VALUE', message)
  return undefined
}
