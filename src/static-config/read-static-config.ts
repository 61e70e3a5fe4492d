import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { quote } from '../base/messages.js'
import type { ListenAt } from '../entry-points/listener.js'
import { asError, configInvalid, type Issue, ProxyError } from '../model/errors.js'
import { formatOf, parseDocument, parseText } from '../providers/parse-document.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import { type UnsupportedFields, unsupportedFieldsIn } from '../validation/unsupported-fields.js'
import { ApplicationLogger } from './application-logger.js'
import { fillBags } from './bags.js'
import { checkByKey } from './check-by-key.js'
import { configuredProvider } from './configured-provider.js'
import { type EntryPoints, entryPointsOf, type RunningEntryPoints } from './entry-points.js'
import { providersOf } from './providers-of.js'
import { proxyOptionsOf } from './proxy-options-of.js'
import { ReplaceableProvider } from './replaceable-provider.js'
import { Settings } from './settings.js'
import { takeEnvironment, takeFlags, takeForeign } from './text-settings.js'

/**
 * A static configuration in the form that `createProxy` and `proxy.listen` take. `loadStaticConfig` returns it.
 *
 * @example
 * ```ts
 * const { options, listen, warnings }: StaticConfig = await loadStaticConfig('traefik.toml')
 * for (const { path, message } of warnings) console.warn(`${path}: ${message}`)
 * const proxy = createProxy(options)
 * for (const at of listen) await proxy.listen(at)
 * ```
 */
export interface StaticConfig {
  /** The options of `createProxy`, with the providers that the configuration switches on. */
  readonly options: ProxyOptions
  /** The address of each entry point. The host's code passes them to `proxy.listen` one by one. */
  readonly listen: readonly ListenAt[]
  /**
   * Milliseconds for which a closing proxy still accepts requests: the option `acceptMs` of `proxy.close`. Source: Traefik's
   * `lifeCycle.requestAcceptGraceTimeout`.
   *
   * @default 0
   */
  readonly acceptMs: number
  /**
   * Milliseconds that requests under way get to finish when the proxy closes: the option `drainMs` of `proxy.close`. Source:
   * Traefik's `lifeCycle.graceTimeOut`.
   *
   * @default 10_000
   */
  readonly drainMs: number
  /** Problems that do not keep the proxy from running, such as a key of Traefik that is not supported yet. */
  readonly warnings: readonly Issue[]
}

/**
 * Settings that override the file: flags first, then environment variables.
 *
 * @example
 * ```ts
 * const overrides: StaticConfigOverrides = { flags: { 'etcd.prefix': '/traefik/dev' }, env: process.env }
 * const config = await loadStaticConfig('traefik.toml', overrides)
 * ```
 */
export interface StaticConfigOverrides {
  /**
   * Flags by the path of their key, without dashes: `{ 'etcd.prefix': '/traefik/dev' }`. The value `true` switches a table on.
   *
   * @default {}
   */
  readonly flags?: Readonly<Record<string, string>>
  /**
   * Environment variables. `SWITCHOVER_ETCD_PREFIX` sets the key `etcd.prefix`. The proxy does not read `process.env` by
   * itself.
   *
   * @default {}
   */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * The path of a file, or the content of one in TOML. A plain string is content if it contains a line break or `=`, else a path.
 *
 * @example
 * ```ts
 * const source: StaticConfigSource = { text: '[file]\nfilename = "rules.toml"' }
 * const config = await loadStaticConfig(source)
 * ```
 */
export type StaticConfigSource = string | { readonly path: string } | { readonly text: string }

/** A static configuration, with more that the program on the command line needs to run and reload it. */
export interface ReadStaticConfig extends StaticConfig {
  /** The providers in `options`. */
  readonly providers: readonly ReplaceableProvider[]
  /** The logger in `options`. If undefined, `createProxy` chooses its default logger. */
  readonly logger: ApplicationLogger | undefined
  readonly entryPoints: EntryPoints
  /** Every value by its key. A reload compares them to find the keys that have changed. */
  readonly values: ReadonlyMap<string, unknown>
}

/** Default milliseconds that requests under way get to finish when the proxy closes. Traefik has the same default. */
const DRAIN_MS = 10_000

/** A static configuration, or the problems that were found in it. */
export interface InspectedStaticConfig {
  /** The configuration. Undefined if there are issues. */
  readonly config: ReadStaticConfig | undefined
  readonly issues: readonly Issue[]
  readonly warnings: readonly Issue[]
  /** The document inside the file: the frontends and backends for the table `[file]`. */
  readonly document: Readonly<Record<string, unknown>>
  /** What validation does with fields of a document that are not supported yet. */
  readonly unsupportedFields: UnsupportedFields
}

/**
 * Reads a static configuration, as `loadStaticConfig` does, and keeps what a reload needs.
 *
 * @param running the entry points of the running proxy, if this is a reload
 */
export async function readStaticConfig(
  source: StaticConfigSource,
  overrides: StaticConfigOverrides = {},
  running?: RunningEntryPoints,
): Promise<ReadStaticConfig> {
  const { config, issues } = await inspectStaticConfig(source, overrides, running)
  if (!config) throw configInvalid(issues)
  return config
}

/**
 * Reads a static configuration and returns its problems instead of throwing them.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the file cannot be read or parsed
 */
export async function inspectStaticConfig(
  source: StaticConfigSource,
  { flags = {}, env = {} }: StaticConfigOverrides = {},
  running?: RunningEntryPoints,
): Promise<InspectedStaticConfig> {
  const settings = new Settings()
  const { content, folder } = await contentOf(source)
  settings.takeFile(content)
  takeEnvironment(settings, env)
  takeFlags(settings, flags)
  takeForeign(settings, env)
  await settings.resolveFiles(folder)
  const config = configOf(settings, running)
  checkByKey(config.options, settings)
  const { issues, warnings, document } = settings
  const unsupportedFields = unsupportedFieldsIn(config.options)
  return { config: issues.length === 0 ? config : undefined, issues, warnings, document, unsupportedFields }
}

/** Builds the configuration as far as possible. Problems are noted in `settings`. */
function configOf(settings: Settings, running: RunningEntryPoints | undefined): ReadStaticConfig {
  const entryPoints = entryPointsOf(settings, running)
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
    listen: entryPoints.listen,
    acceptMs: settings.get('lifeCycle.requestAcceptGraceTimeout') ?? 0,
    drainMs: settings.get('lifeCycle.graceTimeOut') ?? DRAIN_MS,
    warnings: settings.warnings,
    providers,
    logger,
    entryPoints,
    values: new Map([...settings.all].flatMap(([path, { key, value }]) => (key ? [[path, value]] : []))),
  }
}

/** Reads and parses a source. `folder` is the folder from which relative paths start. */
async function contentOf(source: StaticConfigSource): Promise<{ content: unknown; folder: string }> {
  const given =
    typeof source !== 'string' ? source : /[\n\r=]/.test(source) ? { text: source } : { path: source }
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
  const format = settings.get<string>('traefikLog.format') ?? 'common'
  if (format === 'common' || format === 'json')
    return file === undefined && format === 'common' ? undefined : new ApplicationLogger({ file, format })
  const message = `expected "common" or "json", found ${quote(format)}`
  settings.issue('traefikLog.format', 'INVALID_VALUE', message)
  return undefined
}
