import { pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import type { ProviderConfig } from '../model/config.js'
import type { Provider } from '../model/provider.js'
import { ConsulProvider, type ConsulProviderOptions } from '../providers/consul/consul-provider.js'
import { EtcdAliasProvider } from '../providers/etcd/etcd-alias-provider.js'
import { EtcdProvider, type EtcdProviderOptions } from '../providers/etcd/etcd-provider.js'
import { FileProvider, type FileProviderOptions } from '../providers/file/file-provider.js'
import { ApiConfigFetcher, type ApiConfigFetcherOptions } from '../providers/http/api-config-fetcher.js'
import { HttpProvider, type HttpProviderOptions } from '../providers/http/http-provider.js'
import { StaticProvider } from '../providers/static-provider.js'
import { unsupportedFieldsIn } from '../validation/unsupported-fields.js'
import { validateConfig } from '../validation/validate-config.js'
import { withFieldCase } from '../validation/with-field-case.js'
import type { Bag, Bags } from './bags.js'
import type { Settings } from './settings.js'

type Maker = (bags: Bags, settings: Settings, entryPoints: readonly string[]) => Provider | undefined

/** Maps the tables of `traefik.toml` that enable a provider to the functions that create the provider. */
const MAKERS: Readonly<Record<string, Maker>> = {
  file: fileProvider,
  etcd: etcdProvider,
  consul: consulProvider,
  http: httpProvider,
}

/**
 * Creates the providers that the static configuration enables. If a provider refuses its options, an error is reported for the
 * table that configures the provider.
 *
 * @param entryPoints the names of the entry points that serve requests
 */
export function providersOf(bags: Bags, settings: Settings, entryPoints: readonly string[]): Provider[] {
  const on = Object.entries(MAKERS).filter(([table]) => settings.has(table))
  if (on.length === 0) {
    const tables = Object.keys(MAKERS).map((table) => `[${table}]`)
    settings.issue('', 'MISSING_FIELD', `expected a provider: one of ${tables.join(', ')}`)
  }
  if (!settings.has('file'))
    for (const name of Object.keys(settings.document))
      settings.warn(name, 'is ignored: [file] is not switched on', 'INVALID_VALUE')
  return on.flatMap(([table, make]) => settings.attempt(table, () => make(bags, settings, entryPoints)) ?? [])
}

/**
 * Creates the file provider. If `[file]` names neither a file nor a folder, `traefik.toml` itself contains the frontends and
 * backends, as in Traefik.
 */
function fileProvider(
  { file, options }: Bags,
  settings: Settings,
  entryPoints: readonly string[],
): Provider | undefined {
  const own = Object.keys(settings.document)
  if (settings.has('file.filename') || settings.has('file.directory')) {
    for (const name of own) settings.warn(name, 'is ignored: [file] names another place', 'INVALID_VALUE')
    return new FileProvider(file as FileProviderOptions)
  }
  if (own.length === 0) {
    settings.issue('file', 'MISSING_FIELD', 'expected filename or directory, or frontends and backends here')
    return undefined
  }
  const document = withFieldCase({ frontends: {}, backends: {}, ...settings.document })
  // Validates the frontends and backends of `traefik.toml` here and only once, because they cannot change until the next reload.
  // Errors in them are reported with all other errors of the file.
  const checked = validateConfig(document, { unsupportedFields: unsupportedFieldsIn(options) })
  for (const { path, code, message } of checked.ok ? [] : checked.issues) settings.issue(path, code, message)
  if (checked.ok) warnOfEntryPoints(checked.config, entryPoints, settings)
  return new StaticProvider({ config: document as ProviderConfig, name: 'file' })
}

/**
 * Warns if a frontend names an unknown entry point. The frontend gets no requests from it, so the name is probably misspelled.
 */
function warnOfEntryPoints(
  { frontends }: ProviderConfig,
  known: readonly string[],
  settings: Settings,
): void {
  for (const [name, { entryPoints = [] }] of Object.entries(frontends))
    for (const missing of entryPoints.filter((one) => !known.includes(one))) {
      const message = `there is no entry point ${quote(missing)} for requests${suggestName(missing, known)}`
      settings.warn(`${pathOf('frontends', name)}.entryPoints`, message, 'INVALID_VALUE')
    }
}

function etcdProvider({ etcd, api }: Bags, settings: Settings): Provider | undefined {
  const scheme = settings.has('etcd.tls') ? 'https' : 'http'
  const hosts = settings.getOrDefault<readonly string[]>('etcd.endpoint')
  const options = { ...etcd, hosts: hosts.map((host) => withScheme(host, scheme)) } as EtcdProviderOptions
  if (settings.get('etcd.useAPIV3') === false)
    settings.warn('etcd.useAPIV3', 'is ignored: the proxy always uses version 3 of the API', 'INVALID_VALUE')
  return settings.has('etcd.api') ? etcdAliasProvider(options, api, settings) : new EtcdProvider(options)
}

/**
 * Creates the alias provider. It watches the alias key in etcd, and fetches the configuration documents from the config API
 * (`[etcd.api]`).
 */
function etcdAliasProvider(options: EtcdProviderOptions, api: Bag, settings: Settings): Provider | undefined {
  const { prefix, watch, followTarget, aliasKey = prefix && aliasUnder(prefix), ...connection } = options
  if (watch === false)
    settings.warn('etcd.watch', 'is ignored: the alias key is always watched', 'INVALID_VALUE')
  if (followTarget)
    settings.warn('etcd.followTarget', 'is ignored: documents come from [etcd.api]', 'INVALID_VALUE')
  if (!aliasKey)
    settings.issue('etcd.aliasKey', 'MISSING_FIELD', 'expected the alias key, such as "/traefik/dev/alias"')
  if (api['url'] === undefined)
    settings.issue('etcd.api.url', 'MISSING_FIELD', 'expected the URL of the config API')
  if (!aliasKey || api['url'] === undefined) return undefined
  const fetcher = new ApiConfigFetcher(api as unknown as ApiConfigFetcherOptions)
  return new EtcdAliasProvider({ ...connection, aliasKey, fetcher })
}

/** Returns the default alias key of a prefix. Traefik reads the same key. */
function aliasUnder(prefix: string): string {
  return `/${prefix.replaceAll(/^\/+|(?<!\/)\/+$/g, '')}/alias`
}

function consulProvider({ consul }: Bags, settings: Settings): Provider | undefined {
  const { url, ...rest } = consul as ConsulProviderOptions
  if (url?.includes(',')) {
    settings.issue('consul.endpoint', 'INVALID_VALUE', 'expected one endpoint, found several')
    return undefined
  }
  const scheme = settings.has('consul.tls') ? 'https' : 'http'
  return new ConsulProvider({ ...rest, ...(url !== undefined && { url: withScheme(url, scheme) }) })
}

function httpProvider({ http }: Bags, settings: Settings): Provider | undefined {
  const { url, ...rest } = http as unknown as HttpProviderOptions
  if (url !== undefined) {
    const scheme = settings.has('http.tls') ? 'https' : 'http'
    return new HttpProvider({ ...rest, url: withScheme(url, scheme) })
  }
  settings.issue('http.endpoint', 'MISSING_FIELD', 'expected the URL of the document')
  return undefined
}

/** Adds the URL scheme to an endpoint that has none. In Traefik, an endpoint is only a host name and a port. */
function withScheme(endpoint: string, scheme: 'http' | 'https'): string {
  return /^[a-z][\w+.-]*:\/\//i.test(endpoint) ? endpoint : `${scheme}://${endpoint}`
}
