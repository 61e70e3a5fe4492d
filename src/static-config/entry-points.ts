import { pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { present } from '../base/records.js'
import { parseAddress } from '../entry-points/entry-point-address.js'
import type { EntryPointOptions } from '../entry-points/entry-point-options.js'
import { checkSocketMode } from '../entry-points/unix-path.js'
import { flawsOfRanges } from '../middlewares/white-list.js'
import type { WhiteList } from '../model/config.js'
import { asError } from '../model/errors.js'
import { DEFAULT_ENTRY_POINT } from '../validation/static-keys/entry-point-keys.js'
import { trustsOf } from './entry-point-trusts.js'
import type { Settings } from './settings.js'
import { type NamedEntryPoint, type StatusPlaces, statusPlacesOf } from './status-entry-points.js'

/** The entry points of a static configuration, and the settings that depend on them. */
export interface EntryPoints {
  /** The option `entryPoints` of `createProxy`. */
  readonly options: Readonly<Record<string, EntryPointOptions>>
  /** The names of all entry points. The embedding application passes each to `proxy.listen`. */
  readonly names: readonly string[]
  /** The entry points that a frontend gets if it names none. If undefined, such a frontend serves on all entry points. */
  readonly defaults: readonly string[] | undefined
  /** Where the pages of the status server stand. */
  readonly status: StatusPlaces
  /** The option `trustedProxies` of `createProxy`. */
  readonly trustedProxies: readonly string[] | undefined
}

/** Reads all settings of entry points from the static configuration. Errors are added to `settings`. */
export function entryPointsOf(settings: Settings): EntryPoints {
  const all = namedEntryPoints(settings)
  const status = statusPlacesOf(all, settings)
  const serving = all.filter(({ name }) => !status.withoutFrontends.has(name))
  if (serving.length === 0 && all.length > 0)
    settings.issue(
      'entryPoints',
      'MISSING_FIELD',
      'expected an entry point for requests, found only those of the status server',
    )
  const names = serving.map(({ name }) => name)
  const trusts = trustsOf(names, settings)
  const options = serving.map(({ name, address }) => {
    const mode = modeOf(name, address, settings)
    const pages = status.onEntryPoints.get(name)
    const trustedProxies = trusts.own.get(name) ?? []
    const more = present({ mode, whiteList: whiteListOf(name, settings), status: pages })
    return [name, { address, trustedProxies, ...more }] as const
  })
  return {
    options: Object.fromEntries(options),
    names,
    defaults: defaultsOf(names, status, settings),
    status,
    trustedProxies: trusts.whole,
  }
}

/** Returns the entry points that the static configuration names, or else the default one. */
function namedEntryPoints(settings: Settings): NamedEntryPoint[] {
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

/** Returns the white list of an entry point. Adds an error for a range that is none, and for two lists. */
function whiteListOf(name: string, settings: Settings): WhiteList | undefined {
  const path = pathOf('entryPoints', name)
  const [current, older] = [`${path}.whiteList.sourceRange`, `${path}.whitelistSourceRange`]
  const ranges = settings.get<readonly string[]>(current)
  const olderRanges = settings.get<readonly string[]>(older)
  if (ranges && olderRanges)
    settings.issue(older, 'INVALID_VALUE', `expected one white list, found ${current} too`)
  const sourceRange = ranges ?? olderRanges
  const useXForwardedFor = settings.get<boolean>(`${path}.whiteList.useXForwardedFor`)
  if (sourceRange === undefined && useXForwardedFor !== undefined)
    settings.issue(
      current,
      'MISSING_FIELD',
      'expected a list of addresses and ranges beside useXForwardedFor',
    )
  if (sourceRange === undefined) return undefined
  // An empty list may be meant to let nothing in, or to ask for nothing.
  if (sourceRange.length === 0)
    settings.issue(ranges ? current : older, 'INVALID_VALUE', 'expected at least one address or range')
  for (const { message, below = '' } of flawsOfRanges(sourceRange))
    settings.issue((ranges ? current : older) + below, 'INVALID_RANGE', message)
  return { sourceRange, ...present({ useXForwardedFor }) }
}

/** Returns the mode of the Unix socket of an entry point. Also adds an error if its address is wrong. */
function modeOf(name: string, address: string, settings: Settings): number | undefined {
  const path = pathOf('entryPoints', name)
  const text = settings.get<string>(`${path}.mode`)
  const isOctal = text !== undefined && /^0?[0-7]{3}$/.test(text)
  const mode = isOctal ? Number.parseInt(text, 8) : undefined
  if (text !== undefined && !isOctal) {
    const message = `expected a mode of a file in octal digits, such as "660", found ${quote(text)}`
    settings.issue(`${path}.mode`, 'INVALID_VALUE', message)
  }
  let key = `${path}.address`
  try {
    const target = parseAddress(address, '')
    key = `${path}.mode`
    checkSocketMode(mode, 'path' in target ? target.path : undefined, '')
  } catch (thrown) {
    settings.issue(key, 'INVALID_VALUE', asError(thrown).message.replace(/^: /, ''))
  }
  return mode
}

function defaultsOf(
  names: readonly string[],
  { onEntryPoints }: StatusPlaces,
  settings: Settings,
): readonly string[] | undefined {
  const given = settings.get<readonly string[]>('defaultEntryPoints') ?? []
  for (const name of given) {
    if (names.includes(name)) continue
    const message = `there is no entry point ${quote(name)} for requests${suggestName(name, names)}`
    settings.issue('defaultEntryPoints', 'INVALID_VALUE', message)
  }
  // Without a default entry point, an entry point of status pages serves only the frontends that name it.
  const open = names.filter((name) => !onEntryPoints.has(name) || names.length === 1)
  const defaults = given.length > 0 ? given : names.includes('http') ? ['http'] : open
  return names.every((name) => defaults.includes(name)) ? undefined : defaults
}
