import { type AddressRange, parseRange } from '../../base/cidr.js'
import { onlyKnownOptions } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import { compileWithin } from '../../base/range-set.js'
import type { WhiteList } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { RequestHead } from './request-head.js'

/**
 * Options of one entry point that apply to each of its requests. Each replaces the option of the whole proxy that has the same name.
 *
 * @example const engine = new ProxyEngine({ entryPoints: { internal: { trustedProxies: ['10.0.0.0/8'] } } })
 */
export interface EngineEntryPoint {
  /**
   * Addresses and CIDR ranges of the trusted proxies in front of this entry point, and `'unix'` for all
   * peers on a Unix socket. The list replaces `trustedProxies` of the whole proxy. `[]` trusts no peer.
   *
   * @default the `trustedProxies` of the whole proxy
   */
  readonly trustedProxies?: readonly string[]
  /**
   * The clients that may ask on this entry point, whatever frontend they ask for. Other clients get 403. Pages of the status server
   * that stand on the entry point are guarded too. Source: Traefik 1.7 `whiteList`.
   *
   * @default all clients
   */
  readonly whiteList?: WhiteList
}

/** Names of all options that an entry point has in the engine. Other names are refused. */
const ENTRY_POINT_OPTIONS = ['trustedProxies', 'whiteList']

/** The word in a list of trusted proxies that means all peers on a Unix socket. Such peers have no address. */
const UNIX = 'unix'

/**
 * Decides from which peers the proxy believes headers such as `X-Forwarded-For`. Only
 * the socket's address is certain. A header is as trustworthy as the peer that sent it.
 */
export interface PeerTrust {
  /**
   * Returns whether the proxy believes the forwarding headers of a request's peer.
   *
   * @param peer the peer's address; `''` if the peer has none
   */
  trusts(head: RequestHead, peer: string): boolean
  /** Returns whether an address is that of a trusted proxy. The address may come from `X-Forwarded-For`. */
  trustsAddress(address: string): boolean
}

const NO_TRUST: PeerTrust = { trusts: () => false, trustsAddress: () => false }

/**
 * Turns a list of trusted proxies into functions that test peers and addresses against the list.
 *
 * @param option the list's name in error messages
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the invalid entry
 */
export function compileTrust(trustedProxies: readonly string[] = [], option = 'trustedProxies'): PeerTrust {
  if (!Array.isArray(trustedProxies)) {
    const message = `${option}: expected a list of addresses and ranges, found ${describeValue(trustedProxies)}`
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }
  if (trustedProxies.length === 0) return NO_TRUST
  const trustsUnix = trustedProxies.includes(UNIX)
  const trustsAddress = compileWithin(
    trustedProxies.flatMap((text, index) => parseTrusted(text, `${option}[${index}]`) ?? []),
  )
  return {
    trustsAddress,
    trusts: (head, peer) => (peer === '' ? trustsUnix && head.connection.isLocal : trustsAddress(peer)),
  }
}

/**
 * Parses one entry of a list of trusted proxies. Returns undefined for `'unix'`.
 *
 * @param where the entry's place in the options, such as `trustedProxies[2]`
 * @throws ProxyError `PROXY_OPTION_INVALID` that names this place
 */
function parseTrusted(text: string, where: string): AddressRange | undefined {
  try {
    return parseTrustedProxy(text)
  } catch (error) {
    throw new ProxyError('PROXY_OPTION_INVALID', `${where}: ${(error as Error).message}`)
  }
}

/**
 * Parses one entry of a list of trusted proxies. Returns undefined for `'unix'`, which is not an address range.
 *
 * @throws Error that says what is wrong with the entry
 */
export function parseTrustedProxy(text: unknown): AddressRange | undefined {
  if (typeof text !== 'string')
    throw new Error(`expected an address, a range or "${UNIX}", found ${describeValue(text)}`)
  if (text === UNIX) return undefined
  if (text.toLowerCase() === UNIX) throw new Error(`expected "${UNIX}" in lower case, found "${text}"`)
  try {
    return parseRange(text)
  } catch (error) {
    // True if the entry looks like the path of a Unix socket, or like a misspelt `unix`. A path
    // belongs to the options of a listener, so the error message suggests the word `unix` instead.
    const meansUnix = /^\.{0,2}\/|sock|^un/i.test(text) || nearestName(text, [UNIX]) !== undefined
    const hint = `; write "${UNIX}" to trust all peers on a Unix socket`
    throw meansUnix ? new Error(`${(error as Error).message}${hint}`) : error
  }
}

/**
 * Finds out which peers are trusted at an entry point: by the entry point's own list of proxies, or by that of the whole proxy.
 */
export class EntryPointTrust {
  readonly #whole: PeerTrust
  #own: ReadonlyMap<string, PeerTrust> | undefined

  /** Compiles all lists of trusted proxies. @throws ProxyError `PROXY_OPTION_INVALID` that names the option and the entry */
  constructor(
    trustedProxies: readonly string[] | undefined,
    entryPoints: Readonly<Record<string, EngineEntryPoint>> = {},
  ) {
    this.#whole = compileTrust(trustedProxies)
    this.replace(entryPoints)
  }

  /**
   * Replaces the lists of all entry points. Requests that begin afterwards use the new lists.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` that names the option and the entry; the lists from before stay then
   */
  replace(entryPoints: Readonly<Record<string, EngineEntryPoint>>): void {
    const own = new Map<string, PeerTrust>()
    for (const [name, options] of Object.entries(entryPoints)) {
      if (Array.isArray(options) || typeof options !== 'object' || options === null)
        throw new ProxyError(
          'PROXY_OPTION_INVALID',
          `entryPoints.${name}: expected an object with trustedProxies, found ${describeValue(options)}`,
        )
      onlyKnownOptions(options, ENTRY_POINT_OPTIONS, `entryPoints.${name}.`)
      const { trustedProxies: trusted } = options
      if (trusted !== undefined) own.set(name, compileTrust(trusted, `entryPoints.${name}.trustedProxies`))
    }
    this.#own = own.size > 0 ? own : undefined
  }

  /**
   * Returns which peers are trusted at an entry point.
   *
   * @param entryPoint the name of the entry point; undefined for a listener without a name
   */
  at(entryPoint: string | undefined): PeerTrust {
    if (this.#own === undefined || entryPoint === undefined) return this.#whole
    return this.#own.get(entryPoint) ?? this.#whole
  }
}
