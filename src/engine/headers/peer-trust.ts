import type { IncomingMessage } from 'node:http'
import { type AddressRange, parseRange } from '../../base/cidr.js'
import { onlyKnownOptions } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import { compileWithin } from '../../base/range-set.js'
import { ProxyError } from '../../model/errors.js'

/**
 * Options of one entry point, where they differ from those of the whole proxy.
 *
 * @example
 * ```ts
 * const proxy = createProxy({ config, entryPoints: { internal: { trustedProxies: ['10.0.0.0/8'] } } })
 * await proxy.listen({ port: 8080, entryPoint: 'internal' })
 * ```
 */
export interface EntryPointOptions {
  /**
   * Addresses and CIDR ranges of the proxies in front of this entry point, and `'unix'` for all peers
   * on a Unix socket. The list replaces `trustedProxies` of the whole proxy. `[]` trusts no peer.
   *
   * @default the `trustedProxies` of the whole proxy
   */
  readonly trustedProxies?: readonly string[]
}

/** Names of all options that an entry point has. */
const ENTRY_POINT_OPTIONS = ['trustedProxies']

/** The entry of a list of trusted proxies that means all peers on a Unix socket. Such peers have no address. */
const UNIX = 'unix'

/** Decides whose forwarding headers are believed. Only the socket's address is a fact. All else is worth what its sender is. */
export interface PeerTrust {
  /**
   * Returns whether a peer is trusted.
   *
   * @param peer its address; `''` if it has none
   */
  trusts(req: IncomingMessage, peer: string): boolean
  /** Returns whether an address in a chain is that of a trusted proxy. */
  trustsAddress(address: string): boolean
}

const NO_TRUST: PeerTrust = { trusts: () => false, trustsAddress: () => false }

/**
 * Compiles a list of trusted proxies.
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
    trusts: (req, peer) => (peer === '' ? trustsUnix && cameOverUnixSocket(req) : trustsAddress(peer)),
  }
}

/**
 * Parses one entry of a list of trusted proxies.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the place of the entry
 */
function parseTrusted(text: string, where: string): AddressRange | undefined {
  try {
    return parseTrustedProxy(text)
  } catch (error) {
    throw new ProxyError('PROXY_OPTION_INVALID', `${where}: ${(error as Error).message}`)
  }
}

/**
 * Parses one entry of a list of trusted proxies. Returns undefined for `'unix'`, which is not a range.
 *
 * @throws Error that says what is wrong
 */
export function parseTrustedProxy(text: unknown): AddressRange | undefined {
  if (typeof text !== 'string')
    throw new Error(`expected an address, a range or "${UNIX}", found ${describeValue(text)}`)
  if (text === UNIX) return undefined
  if (text.toLowerCase() === UNIX) throw new Error(`expected "${UNIX}" in lower case, found "${text}"`)
  try {
    return parseRange(text)
  } catch (error) {
    // The entry looks like the path of a Unix socket, or like a misspelt `unix`. A path
    // belongs to the listener, so the message names the word that is expected here.
    const meansUnix = /^\.{0,2}\/|sock|^un/i.test(text) || nearestName(text, [UNIX]) !== undefined
    const hint = `; write "${UNIX}" to trust all peers on a Unix socket`
    throw meansUnix ? new Error(`${(error as Error).message}${hint}`) : error
  }
}

/** Node's handle below a socket. In a TLS socket, `_parent` is the handle of the connection that carries TLS. */
interface Handle {
  readonly _parent?: Handle | null
}

/**
 * Returns whether a request without a peer address came over a Unix socket. Not every
 * such request did. The system knows no peer of a TCP connection that was reset, and
 * a host may serve streams of its own. Trusting those would mean trusting every peer.
 */
function cameOverUnixSocket({ socket }: IncomingMessage): boolean {
  // The handle of the connection is read, because `server` may not be the server that listens, or may be closed.
  let { _handle: handle } = socket as typeof socket & { _handle?: Handle | null }
  while (handle?._parent) handle = handle._parent
  return handle?.constructor.name === 'Pipe'
}

/** The trust of the whole proxy, and of the entry points that have a list of their own. */
export class EntryPointTrust {
  readonly #whole: PeerTrust
  readonly #own: ReadonlyMap<string, PeerTrust> | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` that names the option and the entry */
  constructor(
    trustedProxies: readonly string[] | undefined,
    entryPoints: Readonly<Record<string, EntryPointOptions>> = {},
  ) {
    this.#whole = compileTrust(trustedProxies)
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
    if (own.size > 0) this.#own = own
  }

  /**
   * Returns the trust of an entry point.
   *
   * @param entryPoint undefined for a listener without a name
   */
  at(entryPoint: string | undefined): PeerTrust {
    if (this.#own === undefined || entryPoint === undefined) return this.#whole
    return this.#own.get(entryPoint) ?? this.#whole
  }
}
