import { pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import type { ListenAt } from '../entry-points/listener.js'
import { parseStatusAddress } from '../status/status-options.js'
import { DEFAULT_ENTRY_POINT } from '../validation/static-keys/entry-point-keys.js'
import { type EntryPointTrusts, trustsOf } from './entry-point-trusts.js'
import type { Settings } from './settings.js'
import { defaultOf } from './value-kinds.js'

/** An entry point of a static configuration: its name, and the address that it listens on. */
interface EntryPoint {
  readonly name: string
  readonly address: string
}

/** The listeners of a static configuration, and the settings that depend on them. */
export interface EntryPoints {
  readonly listen: readonly ListenAt[]
  readonly names: readonly string[]
  /** The entry points that a frontend gets if it names none. If undefined, such a frontend serves on all entry points. */
  readonly defaults: readonly string[] | undefined
  /** The address of the status server. Undefined if the static configuration enables no status server. */
  readonly statusAddress: string | undefined
  /** The options of `createProxy` that list the peers that may send headers such as `X-Forwarded-For`. */
  readonly trust: EntryPointTrusts
}

/** The entry points of a running proxy. A reload of the static configuration cannot open new ones. */
export interface RunningEntryPoints {
  /** The names of the entry points whose listeners the process opened when it started. */
  readonly names: readonly string[]
  /** The entry points that a frontend gets if it names none. If undefined, such a frontend serves on all entry points. */
  readonly defaults: readonly string[] | undefined
}

/**
 * Reads all settings of entry points from the static configuration. Errors are added to `settings`.
 *
 * @param running the entry points of the running proxy, if this is a reload
 */
export function entryPointsOf(settings: Settings, running?: RunningEntryPoints): EntryPoints {
  const status = statusOf(settings)
  const all = namedEntryPoints(settings)
  const serving = all.filter(({ name }) => !status.entryPoints.has(name))
  if (serving.length === 0 && all.length > 0)
    settings.issue(
      'entryPoints',
      'MISSING_FIELD',
      'expected an entry point for requests, found only the one of the status server',
    )
  const listen = serving.flatMap((entryPoint) => listenAt(entryPoint, settings) ?? [])
  const names = serving.map(({ name }) => name)
  return {
    listen,
    names,
    defaults: defaultsOf(names, running, settings),
    statusAddress: status.address,
    trust: trustsOf(names, settings),
  }
}

/** Returns the entry points that the static configuration names, or else the default one. */
function namedEntryPoints(settings: Settings): EntryPoint[] {
  const names = settings.namesUnder('entryPoints')
  if (names.length === 0) return [DEFAULT_ENTRY_POINT]
  return names.flatMap((name) => {
    const path = pathOf('entryPoints', name)
    const address = settings.get<string>(`${path}.address`)
    if (address !== undefined) return { name, address }
    settings.issue(`${path}.address`, 'MISSING_FIELD', 'expected an address such as ":80"')
    return []
  })
}

function listenAt({ name, address }: EntryPoint, settings: Settings): ListenAt | undefined {
  const [, bracketed, plain = '', port = ''] =
    /^(?:\[([\da-f:.%\w]+)\]|([^\s:[\]/]*)):(\d{1,5})$/i.exec(address) ?? []
  const host = bracketed ?? plain
  if (port !== '' && Number(port) <= 65_535)
    return { port: Number(port), ...(host !== '' && { host }), entryPoint: name }
  const expected = 'expected an address such as ":80" or "127.0.0.1:80"'
  settings.issue(
    `${pathOf('entryPoints', name)}.address`,
    'INVALID_VALUE',
    `${expected}, found ${quote(address)}`,
  )
  return undefined
}

function defaultsOf(
  names: readonly string[],
  running: RunningEntryPoints | undefined,
  settings: Settings,
): readonly string[] | undefined {
  const given = settings.get<readonly string[]>('defaultEntryPoints') ?? []
  for (const name of given) {
    if (names.includes(name)) continue
    const message = `there is no entry point ${quote(name)} for requests${suggestName(name, names)}`
    settings.issue('defaultEntryPoints', 'INVALID_VALUE', message)
  }
  // On a reload, frontends can default only to entry points of the running proxy. A new entry point listens only after a restart,
  // so frontends on it would get no requests.
  const listening = running?.names ?? names
  const missing = given.find((name) => names.includes(name) && !listening.includes(name))
  if (running && missing !== undefined) {
    const message = `the entry point ${quote(missing)} is new and needs a restart; until then defaultEntryPoints does not change`
    settings.warn('defaultEntryPoints', message, 'INVALID_VALUE')
    return running.defaults
  }
  const defaults = given.length > 0 ? given : listening.includes('http') ? ['http'] : listening
  return listening.every((name) => defaults.includes(name)) ? undefined : defaults
}

/** The tables of `traefik.toml` whose field `entryPoint` names the entry point that the status server listens on. */
const ON_ENTRY_POINT = ['api', 'ping', 'metrics.prometheus'] as const

/**
 * Returns the address of the status server, and the names of the entry points that it uses. One server answers for the API,
 * `/ping` and the metrics, so two addresses are an error.
 */
function statusOf(settings: Settings): { address: string | undefined; entryPoints: ReadonlySet<string> } {
  const asked = ON_ENTRY_POINT.filter((table) => settings.has(table))
  const named = asked.map((table) => settings.getOrDefault<string>(`${table}.entryPoint`))
  /** Maps each address of the status server to the configuration key that set it. */
  const addresses = new Map<string, string>()
  if (settings.has('web')) addresses.set(settings.getOrDefault('web.address'), 'web.address')
  named.forEach((name, place) => {
    const key = `${pathOf('entryPoints', name)}.address`
    const given = settings.get<string>(key)
    if (given === undefined && name !== defaultOf('api.entryPoint')) {
      const message = `there is no entry point ${quote(name)}${suggestName(name, settings.namesUnder('entryPoints'))}`
      settings.issue(`${asked[place]}.entryPoint`, 'INVALID_VALUE', message)
    } else addresses.set(given ?? defaultOf('web.address'), key)
  })
  for (const [address, key] of addresses) {
    if (isStatusAddress(address)) continue
    settings.issue(key, 'INVALID_VALUE', `expected host:port or :port, found ${quote(address)}`)
  }
  const [address, ...others] = addresses.keys()
  if (others.length > 0) {
    const message = `the status server can have only one address, found ${[...addresses.keys()].map(quote).join(' and ')}`
    settings.issue(asked[0] ?? 'web', 'INVALID_VALUE', message)
  }
  return { address, entryPoints: new Set(named) }
}

function isStatusAddress(address: string): boolean {
  try {
    parseStatusAddress(address)
    return true
  } catch {
    return false
  }
}
