import { ADDRCONFIG, type LookupAddress, lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { parseRange } from '../../base/cidr.js'
import { compileWithin } from '../../base/range-set.js'
import { asError, ProxyError } from '../../model/errors.js'
import { onRejected } from '../../model/rejections.js'
import { isCredentialService } from './credential-services.js'
import { isShortage } from './shortage.js'

type Within = (address: string) => boolean

/** Which addresses servers may have. Checked when connecting, for a name may lead elsewhere each time it is looked up. */
export class UpstreamNetworks {
  readonly #allows: Within
  readonly #lookup: LookupFunction

  /**
   * @param allowed ranges. Default: every address but link-local ones and metadata services
   * @param find addresses of names. Default: the system's lookup
   * @throws ProxyError `PROXY_OPTION_INVALID`
   */
  constructor(allowed?: readonly string[], find: LookupFunction = lookup) {
    this.#lookup = find
    this.#allows = allowed ? compileWithin(allowed.map(parseNetwork)) : isOrdinary
  }

  /** What is wrong with a host that is an address; a name is looked up first. @param hostname without brackets */
  flawOf(hostname: string): ProxyError | undefined {
    return isIP(hostname) === 0 || this.#allows(hostname) ? undefined : forbidden(hostname)
  }

  /** Addresses of names, without those that are not allowed. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const found = (error: NodeJS.ErrnoException | null, answer: unknown): void => {
      // Node and undici read the members of the error where nothing catches.
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
   * All allowed addresses of a name, sorted. Of IPv4 where it has any: a server with both would be two.
   * Source: Envoy's `V4_PREFERRED`.
   */
  readonly addressesOf = (hostname: string): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      this.lookup(hostname, { all: true, hints: ADDRCONFIG }, (error, found) => {
        // The warning of strict-dns.ts says by itself that the name cannot be looked up.
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
 * A lookup of the host's own fails with codes that no connection fails with, or with none: those of c-ares (`ENODATA`), say. The
 * server cannot be reached then, and the request may go to another one. The system's own errors are known already.
 */
function notFound(hostname: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof ProxyError || error.syscall === 'getaddrinfo' || isShortage(error)) return error
  const message = `${hostname} cannot be looked up: ${error.message}`
  return new ProxyError('PROXY_CONNECT_FAILED', message, { cause: error })
}

/** A lookup of the host's own may give a single address, or what is none. */
function addressesIn(answer: unknown): LookupAddress[] {
  const given: unknown[] = Array.isArray(answer) ? answer : [{ address: answer }]
  return given.flatMap((entry) => {
    const address = textOfAddress(entry)
    const family = isIP(address)
    // One with a zone is link-local, and in no range that could be written.
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
