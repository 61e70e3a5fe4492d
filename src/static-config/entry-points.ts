import type { ListenAt } from '../listener.js'
import { asError } from '../model/errors.js'
import { parseRange } from '../rules/cidr.js'
import { pathOf, quote } from '../rules/document-shapes.js'
import { suggestName } from '../rules/nearest-name.js'
import { parseStatusAddress } from '../status/status-options.js'
import type { Settings } from './settings.js'

/** An entry point of a static configuration. */
interface EntryPoint {
  readonly name: string
  readonly address: string
}

/** Where requests come in, and what follows from it. */
export interface EntryPoints {
  readonly listen: readonly ListenAt[]
  /** Of frontends that name none; undefined: all of them. */
  readonly defaults: readonly string[] | undefined
  /** Where the status server listens, if there is to be one. */
  readonly statusAddress: string | undefined
  readonly trustedProxies: readonly string[] | undefined
}

/** Where Traefik's own pages are. */
const STATUS_ADDRESS = ':8080'
/** Everybody, in both families. */
const ANYONE = ['0.0.0.0/0', '::/0']

/** Reads all that is said of entry points. */
export function entryPointsOf(settings: Settings): EntryPoints {
  const status = statusOf(settings)
  const all = namedEntryPoints(settings)
  const serving = all.filter(({ name }) => !status.entryPoints.has(name))
  if (serving.length === 0 && all.length > 0)
    settings.issue(
      'entryPoints',
      'MISSING_FIELD',
      'expected one for requests beside that of the status server',
    )
  const listen = serving.flatMap((entryPoint) => listenAt(entryPoint, settings) ?? [])
  const names = serving.map(({ name }) => name)
  return {
    listen,
    defaults: defaultsOf(names, settings),
    statusAddress: status.address,
    trustedProxies: trustedProxiesOf(names, settings),
  }
}

/** Those of the file; without any, `http` on port 80. */
function namedEntryPoints(settings: Settings): EntryPoint[] {
  const names = settings.namesUnder('entryPoints')
  if (names.length === 0) return [{ name: 'http', address: ':80' }]
  return names.flatMap((name) => {
    const path = pathOf('entryPoints', name)
    const address = settings.get<string>(`${path}.address`)
    if (address !== undefined) return { name, address }
    settings.issue(`${path}.address`, 'MISSING_FIELD', 'expected an address, as ":80"')
    return []
  })
}

function listenAt({ name, address }: EntryPoint, settings: Settings): ListenAt | undefined {
  const [, bracketed, plain = '', port = ''] =
    /^(?:\[([\da-f:.%\w]+)\]|([^\s:[\]/]*)):(\d{1,5})$/i.exec(address) ?? []
  const host = bracketed ?? plain
  if (port !== '' && Number(port) <= 65_535)
    return { port: Number(port), ...(host !== '' && { host }), entryPoint: name }
  const expected = 'expected an address, as ":80" or "127.0.0.1:80"'
  settings.issue(
    `${pathOf('entryPoints', name)}.address`,
    'INVALID_VALUE',
    `${expected}, found ${quote(address)}`,
  )
  return undefined
}

function defaultsOf(names: readonly string[], settings: Settings): readonly string[] | undefined {
  const given = settings.get<readonly string[]>('defaultEntryPoints') ?? []
  for (const name of given) {
    if (names.includes(name)) continue
    const message = `there is no entry point ${quote(name)} for requests${suggestName(name, names)}`
    settings.issue('defaultEntryPoints', 'INVALID_VALUE', message)
  }
  const defaults = given.length > 0 ? given : names.includes('http') ? ['http'] : names
  return names.every((name) => defaults.includes(name)) ? undefined : defaults
}

/** Tables that ask for a status server on an entry point, each with the key that names it. */
const ON_ENTRY_POINT = ['api', 'ping', 'metrics.prometheus'] as const

/** All of them are one server, so it has one address. */
function statusOf(settings: Settings): { address: string | undefined; entryPoints: ReadonlySet<string> } {
  const asked = ON_ENTRY_POINT.filter((table) => settings.has(table))
  const named = asked.map((table) => settings.get<string>(`${table}.entryPoint`) ?? 'traefik')
  const addresses = new Set<string>()
  if (settings.has('web')) addresses.add(settings.get<string>('web.address') ?? STATUS_ADDRESS)
  settings.attempt('web.address', () => {
    for (const address of addresses) parseStatusAddress(address)
  })
  named.forEach((name, place) => {
    const given = settings.get<string>(`${pathOf('entryPoints', name)}.address`)
    if (given === undefined && name !== 'traefik') {
      const message = `there is no entry point ${quote(name)}${suggestName(name, settings.namesUnder('entryPoints'))}`
      settings.issue(`${asked[place]}.entryPoint`, 'INVALID_VALUE', message)
    } else addresses.add(given ?? STATUS_ADDRESS)
  })
  const [address, ...others] = addresses
  if (others.length > 0) {
    const message = `the status server has one address, found ${[...addresses].map(quote).join(' and ')}`
    settings.issue(asked[0] ?? 'web', 'INVALID_VALUE', message)
  }
  return { address, entryPoints: new Set(named) }
}

/** Of the whole proxy: all entry points must say the same. */
function trustedProxiesOf(names: readonly string[], settings: Settings): readonly string[] | undefined {
  const own = settings.get<readonly string[]>('trustedProxies')
  const said = names.map((name) => {
    const path = `${pathOf('entryPoints', name)}.forwardedHeaders`
    const trusted = settings.get<readonly string[]>(`${path}.trustedIPs`)
    return settings.get<boolean>(`${path}.insecure`) ? ANYONE : trusted
  })
  const all = [...(own ? [own] : []), ...(said.some((one) => one !== undefined) ? said : [])]
  const [first, ...others] = all.map((one = []) => one.toSorted().join())
  if (others.some((other) => other !== first)) {
    const message = 'expected the same for all entry points: the proxy as a whole trusts, or does not'
    settings.issue(own ? 'trustedProxies' : 'entryPoints', 'INVALID_VALUE', message)
  }
  const trusted = own ?? said.find((one) => one !== undefined)
  for (const range of trusted ?? []) {
    try {
      parseRange(range)
    } catch (thrown) {
      settings.issue('trustedProxies', 'INVALID_RANGE', asError(thrown).message)
    }
  }
  return trusted
}
