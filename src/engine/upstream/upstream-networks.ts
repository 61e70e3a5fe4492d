import { ADDRCONFIG, type LookupAddress, lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { parseRange } from '../../base/cidr.js'
import { compileWithin } from '../../base/range-set.js'
import { asError, ProxyError } from '../../model/errors.js'
import { onRejected } from '../../model/rejections.js'
import { isCredentialService } from './credential-services.js'
import { isShortage } from './shortage.js'

type Within = (address: string) => boolean

/**
 * Decides to which IP addresses the proxy may connect. It checks each new connection, because a host name may lead to another
 * address at each lookup.
 */
export class UpstreamNetworks {
  readonly #allows: Within
  readonly #lookup: LookupFunction

  /**
   * Parses the allowed ranges of IP addresses.
   *
   * @param allowed the allowed ranges. Without them, all addresses are allowed except `CREDENTIAL_SERVICES`.
   * @param find the function that looks up host names. The default is the lookup of the operating system.
   * @throws ProxyError `PROXY_OPTION_INVALID` if a range is invalid
   */
  constructor(allowed?: readonly string[], find: LookupFunction = lookup) {
    this.#lookup = find
    this.#allows = allowed ? compileWithin(allowed.map(parseNetwork)) : isOrdinary
  }

  /**
   * Returns an error if the host of a URL is a forbidden IP address. A host name is never an error here, because its addresses
   * are checked after the lookup.
   *
   * @param hostname the host name or IP address of a URL, without the brackets of an IPv6 address
   */
  flawOf(hostname: string): ProxyError | undefined {
    return isIP(hostname) === 0 || this.#allows(hostname) ? undefined : forbidden(hostname)
  }

  /** Looks up a host name, and passes only its allowed addresses to the callback. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const found = (error: NodeJS.ErrnoException | null, answer: unknown): void => {
      // If the lookup has failed, pass on an error whose properties can be read safely. Node and undici read them where nothing
      // would catch what a property throws.
      if (error) return callback(notFound(hostname, asError(error)), [])
      const addresses = addressesIn(answer)
      const allowed = addresses.filter(({ address }) => this.#allows(address))
      const [first] = allowed
      if (addresses.length === 0) callback(notFound(hostname, new Error('no address')), [])
      else if (!first) callback(forbidden(hostname, addresses), [])
      else if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    }
    try {
      const answer: unknown = this.#lookup(hostname, { ...options, all: true }, found)
      onRejected(answer, (reason) => found(asError(reason), []))
    } catch (error) {
      found(asError(error), [])
    }
  }

  /**
   * Resolves to all allowed addresses of a host name, sorted. If the name has IPv4 addresses, its IPv6 addresses are left out.
   * Otherwise one machine with both would count as two servers. Source: Envoy's `V4_PREFERRED`.
   */
  readonly addressesOf = (hostname: string): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      this.lookup(hostname, { all: true, hints: ADDRCONFIG }, (error, found) => {
        // Reject with the cause alone. The warning in strict-dns.ts already says that the host name cannot be looked up.
        if (error) return reject(error instanceof ProxyError && error.cause ? error.cause : error)
        const all = found as LookupAddress[]
        const preferred = all.filter(({ address }) => !address.includes(':'))
        const addresses = (preferred.length > 0 ? preferred : all).map(({ address }) => address)
        resolve([...new Set(addresses)].sort())
      })
    })
}

function isOrdinary(address: string): boolean {
  return !isCredentialService(address)
}

function parseNetwork(text: string, index: number) {
  try {
    return parseRange(text)
  } catch (error) {
    const message = `limits.upstreamNetworks[${index}]: ${(error as Error).message}`
    throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
  }
}

/**
 * Returns the error to report for a failed lookup of a host name. A lookup function of the application that embeds the proxy may
 * fail with an error code such as `ENODATA` of c-ares, or without a code. The proxy would treat such an error as internal. So it
 * becomes `PROXY_CONNECT_FAILED`, and the request may go to another server. Errors of the operating system's lookup stay as they
 * are.
 */
function notFound(hostname: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof ProxyError || error.syscall === 'getaddrinfo' || isShortage(error)) return error
  const message = `${hostname} cannot be looked up: ${error.message}`
  return new ProxyError('PROXY_CONNECT_FAILED', message, { cause: error })
}

/**
 * Returns the valid IP addresses in the answer of a lookup function. A lookup function of the application that embeds the proxy
 * may give a single address, or any other value.
 */
function addressesIn(answer: unknown): LookupAddress[] {
  const given: unknown[] = Array.isArray(answer) ? answer : [{ address: answer }]
  return given.flatMap((entry) => {
    const address = textOfAddress(entry)
    const family = isIP(address)
    // Drop an address with an IPv6 zone, such as `fe80::1%eth0`. It is link-local, and no range can contain it.
    return family === 0 || address.includes('%') ? [] : { address, family }
  })
}

function textOfAddress(entry: unknown): string {
  try {
    return String((entry as Partial<LookupAddress> | null)?.address)
  } catch {
    return ''
  }
}

function forbidden(hostname: string, found: readonly LookupAddress[] = []): ProxyError {
  const addresses = found.length === 0 ? '' : ` (${found.map(({ address }) => address).join(', ')})`
  return new ProxyError(
    'PROXY_SERVER_FORBIDDEN',
    `${hostname}${addresses} is in no network that servers may be in; see limits.upstreamNetworks`,
  )
}
