import { pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { type ListenTarget, parseAddress } from '../entry-points/entry-point-address.js'
import { asError } from '../model/errors.js'
import { type StatusPages, whyTokenIsNeeded } from '../status/entry-point-pages.js'
import { parseStatusAddress } from '../status/status-options.js'
import type { Settings } from './settings.js'
import { defaultOf } from './value-kinds.js'

/** An entry point of a static configuration: its name, and the address that it listens on. */
export interface NamedEntryPoint {
  readonly name: string
  readonly address: string
}

/** The tables of `traefik.toml` that ask for pages of the status server on an entry point, with the group of pages of each. */
const TABLES: readonly (readonly [table: string, pages: StatusPages])[] = [
  ['api', 'api'],
  ['ping', 'ping'],
  ['metrics.prometheus', 'metrics'],
]

/** Where the pages of the status server stand. */
export interface StatusPlaces {
  /** Whether any table asks for pages. */
  readonly isOn: boolean
  /** The address of the status server's own listener. Undefined if it has none. */
  readonly address: string | undefined
  /** The groups of pages on entry points that serve frontends too, by the name of the entry point. */
  readonly onEntryPoints: ReadonlyMap<string, readonly StatusPages[]>
  /** The entry points that serve nothing but pages of the status server. */
  readonly withoutFrontends: ReadonlySet<string>
}

/**
 * Decides where the pages of the status server stand. An entry point that a table names serves frontends too in three cases: if it
 * is one of the default entry points, if a frontend in this file names it, or if it is the only one. Otherwise the status server
 * itself listens at its address.
 */
export function statusPlacesOf(all: readonly NamedEntryPoint[], settings: Settings): StatusPlaces {
  const asked = TABLES.filter(([table]) => settings.has(table)).map(([table, pages]) => ({
    table,
    pages,
    name: settings.getOrDefault<string>(`${table}.entryPoint`),
  }))
  const withFrontends = new Set(
    all.map(({ name }) => name).filter((name) => servesFrontends(name, all, settings)),
  )
  const onEntryPoints = new Map<string, StatusPages[]>()
  const alone = asked.filter(({ name, pages }) => {
    if (!withFrontends.has(name)) return true
    onEntryPoints.set(name, [...(onEntryPoints.get(name) ?? []), pages])
    return false
  })
  for (const { name, pages, table } of asked)
    if (withFrontends.has(name)) requireToken(name, pages, table, all, settings)
  return {
    isOn: asked.length > 0 || settings.has('web'),
    address: addressOf(alone, all, settings),
    onEntryPoints,
    withoutFrontends: new Set(alone.map(({ name }) => name)),
  }
}

function servesFrontends(name: string, all: readonly NamedEntryPoint[], settings: Settings): boolean {
  const defaults = settings.get<readonly string[]>('defaultEntryPoints') ?? []
  const isDefault = defaults.length > 0 ? defaults.includes(name) : name === 'http'
  return isDefault || all.length === 1 || namedByFrontends(settings.document).has(name)
}

/** Returns the entry points that the frontends in the static configuration name. Validation checks their form later. */
function namedByFrontends({ frontends }: Readonly<Record<string, unknown>>): ReadonlySet<unknown> {
  if (typeof frontends !== 'object' || frontends === null) return new Set()
  return new Set(
    Object.values(frontends).flatMap((frontend: Readonly<Record<string, unknown>> | undefined) => {
      const key = Object.keys(frontend ?? {}).find((one) => one.toLowerCase() === 'entrypoints')
      return key === undefined ? [] : frontend?.[key]
    }),
  )
}

/** Adds an error if pages would be open to every client of an entry point. */
function requireToken(
  name: string,
  pages: StatusPages,
  table: string,
  all: readonly NamedEntryPoint[],
  settings: Settings,
): void {
  if (settings.get('api.token') !== undefined) return
  const path = `${pathOf('entryPoints', name)}.forwardedHeaders`
  const isInsecure = settings.get<boolean>(`${path}.insecure`)
  const inherited = isInsecure === false ? [] : settings.get<readonly string[]>('trustedProxies')
  const trusted = settings.get<readonly string[]>(`${path}.trustedIPs`) ?? inherited ?? []
  const trustsProxies = trusted.length > 0 || isInsecure === true
  const why = whyTokenIsNeeded(pages, { host: hostOf(all.find((one) => one.name === name)), trustsProxies })
  if (why === undefined) return
  const wayOut = 'set api.token, or name an entry point that is no default one'
  settings.issue(
    `${table}.entryPoint`,
    'MISSING_FIELD',
    `every client would see its pages, because ${why}; ${wayOut}`,
  )
}

function hostOf(entryPoint: NamedEntryPoint | undefined): string | undefined {
  let target: ListenTarget | undefined
  try {
    target = parseAddress(entryPoint?.address, '')
  } catch {
    // The address is wrong, which is told elsewhere.
  }
  return target && 'port' in target ? target.host : undefined
}

/**
 * Returns the address of the status server's own listener. One server answers all pages that have no entry point with frontends, so
 * two addresses are an error.
 */
function addressOf(
  alone: readonly { readonly table: string; readonly name: string }[],
  all: readonly NamedEntryPoint[],
  settings: Settings,
): string | undefined {
  /** Maps each address of the status server to the configuration key that set it. */
  const addresses = new Map<string, string>()
  if (settings.has('web')) addresses.set(settings.getOrDefault('web.address'), 'web.address')
  for (const { table, name } of alone) {
    const given = settings.get<string>(`${pathOf('entryPoints', name)}.address`)
    if (given === undefined && name !== defaultOf('api.entryPoint')) {
      const names = all.map((one) => one.name)
      const message = `there is no entry point ${quote(name)}${suggestName(name, names)}`
      settings.issue(`${table}.entryPoint`, 'INVALID_VALUE', message)
    } else addresses.set(given ?? defaultOf('web.address'), `${pathOf('entryPoints', name)}.address`)
  }
  for (const [address, key] of addresses) {
    try {
      parseStatusAddress(address)
    } catch (thrown) {
      settings.issue(key, 'INVALID_VALUE', asError(thrown).message.replace(/^status\.address: /, ''))
    }
  }
  const [address, ...others] = addresses.keys()
  if (others.length > 0) {
    const message = `the status server can have only one address, found ${[...addresses.keys()].map(quote).join(' and ')}`
    settings.issue(alone[0]?.table ?? 'web', 'INVALID_VALUE', message)
  }
  return address
}
