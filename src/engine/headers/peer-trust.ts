import type { IncomingMessage } from 'node:http'
import { type AddressRange, parseRange } from '../../base/cidr.js'
import { onlyKnownOptions } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import { compileWithin } from '../../base/range-set.js'
import { ProxyError } from '../../model/errors.js'

/** Options of one entry point. */
export interface EntryPointOptions {
  /**
   * Addresses and ranges of the proxies in front of this entry point, and `'unix'`. Takes the place of `trustedProxies` of
   * the whole proxy: `[]` trusts nobody. Default: what the whole proxy trusts.
   */
  readonly trustedProxies?: readonly string[]
}

/** What an entry point says, for now. */
const ENTRY_POINT_OPTIONS = ['trustedProxies']

/** Stands in a list of trusted proxies for all who connect over a Unix socket, where nobody has an address. */
const UNIX = 'unix'

/** Whose forwarding headers are believed: only the socket's address is a fact, all else is worth what its bearer is. */
export interface PeerTrust {
  /** Whether a peer is trusted. @param peer its address; `''` if it has none */
  trusts(req: IncomingMessage, peer: string): boolean
  /** Whether an address in a chain is that of a trusted proxy. */
  trustsAddress(address: string): boolean
}

const NOBODY: PeerTrust = { trusts: () => false, trustsAddress: () => false }

/**
 * Compiles a list of trusted proxies.
 *
 * @param option what the list is called in messages
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the entry
 */
export function compileTrust(trustedProxies: readonly string[] = [], option = 'trustedProxies'): PeerTrust {
  if (!Array.isArray(trustedProxies)) {
    const message = `${option}: expected a list of addresses and ranges, found ${describeValue(trustedProxies)}`
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }
  if (trustedProxies.length === 0) return NOBODY
  const trustsUnix = trustedProxies.includes(UNIX)
  const trustsAddress = compileWithin(
    trustedProxies.flatMap((text, index) => parseTrusted(text, `${option}[${index}]`) ?? []),
  )
  return {
    trustsAddress,
    trusts: (req, peer) => (peer === '' ? trustsUnix && cameOverUnixSocket(req) : trustsAddress(peer)),
  }
}

/** @throws ProxyError `PROXY_OPTION_INVALID` */
function parseTrusted(text: string, where: string): AddressRange | undefined {
  try {
    return parseTrustedProxy(text)
  } catch (error) {
    throw new ProxyError('PROXY_OPTION_INVALID', `${where}: ${(error as Error).message}`)
  }
}

/** An entry of a list of trusted proxies; undefined for `'unix'`, which is no range. @throws Error that says what is wrong */
export function parseTrustedProxy(text: unknown): AddressRange | undefined {
  if (typeof text !== 'string')
    throw new Error(`expected an address, a range or "${UNIX}", found ${describeValue(text)}`)
  if (text === UNIX) return undefined
  if (text.toLowerCase() === UNIX) throw new Error(`expected "${UNIX}" in small letters, found "${text}"`)
  try {
    return parseRange(text)
  } catch (error) {
    // A socket's path stands where its listener is made, and everybody who reaches it is meant.
    const meansUnix = /^\.{0,2}\/|sock|^un/i.test(text) || nearestName(text, [UNIX]) !== undefined
    const hint = `; "${UNIX}" stands for all who connect over a Unix socket`
    throw meansUnix ? new Error(`${(error as Error).message}${hint}`) : error
  }
}

/** Node's own: what a socket reads from. That of TLS lies on the one that carries it. */
interface Handle {
  readonly _parent?: Handle | null
}

/**
 * Whether a request without a peer address came over a Unix socket. Not every one did: the system knows no peer of a TCP
 * connection that was reset, and a host may serve streams of its own. To believe those would be to believe anybody.
 */
function cameOverUnixSocket({ socket }: IncomingMessage): boolean {
  // Asked of the connection: its server may be another one than the one that listens, or be closed.
  let { _handle: handle } = socket as typeof socket & { _handle?: Handle | null }
  while (handle?._parent) handle = handle._parent
  return handle?.constructor.name === 'Pipe'
}

/** Trust of the whole proxy, and of the entry points that have their own. */
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

  /** Whom an entry point trusts; undefined is a listener without a name. */
  at(entryPoint: string | undefined): PeerTrust {
    if (this.#own === undefined || entryPoint === undefined) return this.#whole
    return this.#own.get(entryPoint) ?? this.#whole
  }
}
