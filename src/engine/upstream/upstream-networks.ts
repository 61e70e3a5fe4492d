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
 * Decides which addresses servers may have. The check runs for each connection, because a name may lead to another address at
 * each lookup.
 */
export class UpstreamNetworks {
  readonly #allows: Within
  readonly #lookup: LookupFunction

  /**
   * @param allowed the allowed ranges. Without them, all addresses are allowed but `CREDENTIAL_SERVICES`.
   * @param find looks names up. The default is the system's lookup.
   * @throws ProxyError `PROXY_OPTION_INVALID` if a range is invalid
   */
  constructor(allowed?: readonly string[], find: LookupFunction = lookup) {
    this.#lookup = find
    this.#allows = allowed ? compileWithin(allowed.map(parseNetwork)) : isOrdinary
  }

  /**
   * Returns the error for a host that is a forbidden address. A name is no error yet: its addresses are checked after the lookup.
   *
   * @param hostname the host of a URL, without the brackets of an IPv6 address
   */
  flawOf(hostname: string): ProxyError | undefined {
    return isIP(hostname) === 0 || this.#allows(hostname) ? undefined : forbidden(hostname)
  }

  /** Looks a name up, and passes on its allowed addresses. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const found = (error: NodeJS.ErrnoException | null, answer: unknown): void => {
      // Node and undici read the error's properties where no code catches what they throw.
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
   * Resolves to all allowed addresses of a name, sorted. If the name has IPv4 addresses, IPv6 ones are left out. Otherwise one
   * machine with both would count as two servers. Source: Envoy's `V4_PREFERRED`.
   */
  readonly addressesOf = (hostname: string): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      this.lookup(hostname, { all: true, hints: ADDRCONFIG }, (error, found) => {
        // The warning in strict-dns.ts already says that the name cannot be looked up, so it needs only the cause.
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
 * Returns the error of a failed lookup. A lookup function of the host's code may fail with a code that no connection has, such
 * as `ENODATA` of c-ares, or without a code. Then the error becomes `PROXY_CONNECT_FAILED`, so the request may go to another
 * server. Errors of the system's own lookup stay as they are.
 */
function notFound(hostname: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof ProxyError || error.syscall === 'getaddrinfo' || isShortage(error)) return error
  const message = `${hostname} cannot be looked up: ${error.message}`
  return new ProxyError('PROXY_CONNECT_FAILED', message, { cause: error })
}

/** Returns the valid addresses of an answer. A lookup function of the host's code may give a single address, or anything. */
function addressesIn(answer: unknown): LookupAddress[] {
  const given: unknown[] = Array.isArray(answer) ? answer : [{ address: answer }]
  return given.flatMap((entry) => {
    const address = textOfAddress(entry)
    const family = isIP(address)
    // An address with a zone is link-local, and no range can contain it.
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
