import { describeValue, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { present } from '../base/records.js'
import type { EngineEntryPoint } from '../engine/headers/peer-trust.js'
import { ProxyError } from '../model/errors.js'
import type { ListenTarget } from './entry-point-address.js'
import type { EntryPointTable } from './entry-point-options.js'

/** Returns where an entry point listens. @throws ProxyError `PROXY_OPTION_INVALID` if the entry point or its address is missing */
export function targetOf(name: string, table: EntryPointTable, where: string): ListenTarget {
  const entryPoint = table.get(name)
  if (!entryPoint) throw noEntryPoint(name, table, where)
  if (entryPoint.target) return entryPoint.target
  const message = `entryPoints.${name}.address: expected an address such as ":80" to listen on, found none`
  throw invalid(`${where}: ${message}`)
}

/** Makes the error for the name of an entry point that does not exist. It names the nearest one, or all. */
export function noEntryPoint(name: unknown, table: EntryPointTable, where: string): ProxyError {
  const names = [...table.keys()]
  if (typeof name !== 'string')
    return invalid(`${where}: expected the name of an entry point, found ${describeValue(name)}`)
  const known = names.length === 0 ? '; there are none' : `; there are ${names.map(quote).join(', ')}`
  return invalid(`${where}: there is no entry point ${quote(name)}${suggestName(name, names) || known}`)
}

/** Returns the options of entry points that the engine applies. */
export function engineOptionsOf(table: EntryPointTable): Readonly<Record<string, EngineEntryPoint>> {
  return Object.fromEntries(
    [...table].map(([name, { trustedProxies, whiteList }]) => [name, present({ trustedProxies, whiteList })]),
  )
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
