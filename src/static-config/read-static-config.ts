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

/** A `traefik.toml`, as what `createProxy` and `proxy.listen` take. */
export interface StaticConfig {
  /** Of `createProxy`. */
  readonly options: ProxyOptions
  /** One for each entry point: `proxy.listen` takes them one by one. */
  readonly listen: readonly ListenAt[]
  /** Of `proxy.close`, in milliseconds: for how long requests are still accepted. Default 0, as Traefik's. */
  readonly acceptMs: number
  /** Of `proxy.close`, in milliseconds. */
  readonly drainMs: number
  /** Keys of Traefik that are not supported yet, and others that do nothing here. */
  readonly warnings: readonly Issue[]
}

/** What comes before a file: flags, then the environment. */
export interface StaticConfigOverrides {
  /** By key, without dashes: `{ 'etcd.prefix': '/traefik/dev' }`; `true` switches a table on. */
  readonly flags?: Readonly<Record<string, string>>
  /** `SWITCHOVER_ETCD_PREFIX` is `etcd.prefix`. Default: none is looked at. */
  readonly env?: NodeJS.ProcessEnv
}

/** A file by its path, or what stands in one, in TOML. A mere text is the latter if it has a line break or a `=`. */
export type StaticConfigSource = string | { readonly path: string } | { readonly text: string }

/** With what only a program needs that goes on with it. */
export interface ReadStaticConfig extends StaticConfig {
  /** The providers in `options`. */
  readonly providers: readonly ReplaceableProvider[]
  /** The logger in `options`, if it is not the host's. */
  readonly logger: ApplicationLogger | undefined
  readonly entryPoints: EntryPoints
  /** Every value by its key, to see what has changed. */
  readonly values: ReadonlyMap<string, unknown>
}

/** How long requests under way have at the end, in milliseconds, if nothing else is said. Traefik's too. */
const DRAIN_MS = 10_000

/** A static configuration, or what is wrong with it. */
export interface InspectedStaticConfig {
  /** Undefined if there are issues. */
  readonly config: ReadStaticConfig | undefined
  readonly issues: readonly Issue[]
  readonly warnings: readonly Issue[]
  /** What stands in it beside keys: the frontends and backends of [file]. */
  readonly document: Readonly<Record<string, unknown>>
  /** What becomes of fields that are not built yet. */
  readonly unsupportedFields: UnsupportedFields
}

/** See `loadStaticConfig`. @param running of the proxy that is to go on with it, if there is one */
export async function readStaticConfig(
  source: StaticConfigSource,
  overrides: StaticConfigOverrides = {},
  running?: RunningEntryPoints,
): Promise<ReadStaticConfig> {
  const { config, issues } = await inspectStaticConfig(source, overrides, running)
  if (!config) throw configInvalid(issues)
  return config
}

/** The same, for those who look at one that may be wrong. @throws ProxyError `PROXY_CONFIG_UNUSABLE` */
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

/** As far as it can be made; what is wrong is noted. */
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

/** @returns also the folder that relative paths start from */
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
