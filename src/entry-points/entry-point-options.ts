import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { present } from '../base/records.js'
import { EntryPointChains } from '../engine/entry-point-chains.js'
import { compileTrust, type EngineEntryPoint } from '../engine/headers/peer-trust.js'
import { MIDDLEWARES } from '../middlewares/middlewares.js'
import type { WhiteList } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, type Limits } from '../model/limits.js'
import { STATUS_PAGES, type StatusPages, whyTokenIsNeeded } from '../status/entry-point-pages.js'
import type { StatusOptions } from '../status/status-options.js'
import { type ListenTarget, parseAddress } from './entry-point-address.js'
import { limitOption } from './limit-option.js'
import { checkSocketMode } from './unix-path.js'

/** The limits that an entry point can have of its own. Each replaces the limit of the whole proxy that has the same name. */
export type EntryPointLimits = Pick<Limits, 'headBytes' | 'connectionsPerAddress'>

/**
 * Options of one entry point, in the option `entryPoints` of `createProxy`.
 *
 * @example
 * ```ts
 * const https: EntryPointOptions = { address: '127.0.0.1:8000', trustedProxies: ['127.0.0.1'], limits: { headBytes: 8_192 } }
 * const proxy = createProxy({ config, entryPoints: { https } })
 * await proxy.listen('https')
 * ```
 */
export interface EntryPointOptions extends EngineEntryPoint {
  /**
   * The address on which `listen(name)` listens: `:8000` for all interfaces, `127.0.0.1:8000` or `[::1]:8000` for one, or
   * `unix:/run/proxy.sock` for a Unix socket. Port 0 means any free port.
   *
   * @default none: `listen` needs an address then, as in `listen({ entryPoint, port })`
   */
  readonly address?: string
  /**
   * The mode of the file of the Unix socket in `address`. To connect, a process needs the right to write.
   *
   * @default the mode that the process's umask leaves, mostly 0o755: only the owner can connect
   * @example 0o660
   */
  readonly mode?: number
  /**
   * Limits that apply to the client connections of this entry point, on listeners and attached servers. `headBytes` applies to
   * listeners alone.
   *
   * @default the `limits` of the whole proxy
   */
  readonly limits?: Partial<EntryPointLimits>
  /**
   * Groups of pages of the status server that this entry point answers before any frontend: `ping` (`/ping`), `api` (`/api`,
   * `/dashboard/`, `/health`), `metrics` (`/metrics`). They need the option `status`, `{}` at least. Without `status.token`, `api`
   * and `metrics` may only stand on an entry point that is bound to a loopback address and trusts no proxies.
   *
   * @default []
   */
  readonly status?: readonly StatusPages[]
}

/** An entry point, with its options checked. */
export interface EntryPoint {
  readonly target: ListenTarget | undefined
  /** The address as the options write it. */
  readonly address: string | undefined
  readonly trustedProxies: readonly string[] | undefined
  readonly whiteList: WhiteList | undefined
  readonly limits: Partial<EntryPointLimits>
  readonly status: readonly StatusPages[]
}

/** All entry points, by name. The map never changes. */
export type EntryPointTable = ReadonlyMap<string, EntryPoint>

/** The options of the whole proxy on which the check of its entry points depends. */
export interface AroundEntryPoints {
  readonly status?: StatusOptions
  readonly trustedProxies?: readonly string[]
}

const OPTIONS = ['address', 'mode', 'trustedProxies', 'whiteList', 'limits', 'status']
const LIMITS = ['headBytes', 'connectionsPerAddress'] as const

/**
 * Checks the options of all entry points, and copies them. Later changes of the given objects have no effect.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, what was found and what was expected
 */
export function checkEntryPoints(given: unknown, around: AroundEntryPoints): EntryPointTable {
  if (!isObject(given))
    throw invalid(`entryPoints: expected an object of entry points, found ${describeValue(given)}`)
  return new Map(
    Object.entries(given).map(([name, options]) => [name, checkEntryPoint(options, name, around)]),
  )
}

function checkEntryPoint(given: unknown, name: string, around: AroundEntryPoints): EntryPoint {
  const path = `entryPoints.${name}`
  if (!isObject(given)) throw invalid(`${path}: expected an object of options, found ${describeValue(given)}`)
  onlyKnownOptions(given, OPTIONS, `${path}.`)
  const { address, mode, trustedProxies, whiteList, limits = {}, status = [] } = given as EntryPointOptions
  const target = address === undefined ? undefined : parseAddress(address, `${path}.address`)
  const socketPath = target && 'path' in target ? target.path : undefined
  checkSocketMode(mode, socketPath, `${path}.mode`)
  if (trustedProxies !== undefined) compileTrust(trustedProxies, `${path}.trustedProxies`)
  checkLimits(limits, `${path}.limits`)
  checkMiddlewares(name, given as EntryPointOptions)
  const trusted = trustedProxies ?? around.trustedProxies ?? []
  const host = target && 'port' in target ? target.host : undefined
  checkStatus(status, `${path}.status`, around.status, { host, trustsProxies: trusted.length > 0 })
  return {
    target: target && mode !== undefined ? { ...target, mode } : target,
    address,
    trustedProxies: trustedProxies && [...trustedProxies],
    whiteList: structuredClone(whiteList),
    limits: { ...limits },
    status: [...status],
  }
}

/** Throws for a middleware that is wrong, such as a white list with a range that is none. */
function checkMiddlewares(name: string, { whiteList }: EntryPointOptions): void {
  void new EntryPointChains(MIDDLEWARES, { [name]: present({ whiteList }) })
}

/** Throws for a limit that is wrong, and for one that only the whole proxy has. */
function checkLimits(limits: unknown, path: string): void {
  if (!isObject(limits))
    throw invalid(`${path}: expected an object of limits, found ${describeValue(limits)}`)
  for (const name of [...Object.keys(DEFAULT_LIMITS), 'upstreamNetworks']) {
    if (!Object.hasOwn(limits, name) || LIMITS.includes(name as keyof EntryPointLimits)) continue
    const own = LIMITS.join(' and ')
    throw invalid(
      `${path}.${name}: an entry point has only ${own} of its own; set limits.${name} for the whole proxy`,
    )
  }
  onlyKnownOptions(limits, LIMITS, `${path}.`)
  for (const [name, value] of Object.entries(limits)) limitOption(value, `${path}.${name}`, name)
}

/** Throws for unknown groups of pages, and for pages that would be less guarded than on the status server itself. */
function checkStatus(
  groups: unknown,
  path: string,
  server: StatusOptions | undefined,
  entryPoint: { readonly host: string | undefined; readonly trustsProxies: boolean },
): void {
  const expected = `expected a list of ${STATUS_PAGES.map(quote).join(', ')}`
  if (!Array.isArray(groups)) throw invalid(`${path}: ${expected}, found ${describeValue(groups)}`)
  for (const group of groups as unknown[]) {
    if (STATUS_PAGES.includes(group as StatusPages)) continue
    const nearest = typeof group === 'string' ? suggestName(group, STATUS_PAGES) : ''
    throw invalid(`${path}: ${expected}, found ${describeValue(group)} in it${nearest}`)
  }
  if (groups.length === 0) return
  if (server === undefined)
    throw invalid(`${path}: expected the option status beside it, {} at least, because its pages are shown`)
  if (server.token !== undefined) return
  for (const group of groups as StatusPages[]) {
    const why = whyTokenIsNeeded(group, entryPoint)
    if (why !== undefined)
      throw invalid(`${path}: ${quote(group)} needs the option status.token here, because ${why}`)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
