import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../model/errors.js'
import { type AddressRange, parseRange } from '../rules/cidr.js'
import { compileWithin } from '../rules/range-set.js'

/** Decides who asked. Only the socket's address is a fact; all else is hearsay, worth what its bearer is. */
export class ClientAddresses {
  readonly #trusted: ((address: string) => boolean) | undefined

  /**
   * @param trustedProxies addresses and ranges whose `X-Forwarded-*` headers are believed
   * @throws ProxyError `PROXY_OPTION_INVALID`
   */
  constructor(trustedProxies: readonly string[] = []) {
    if (trustedProxies.length === 0) return
    this.#trusted = compileWithin(trustedProxies.map(parseTrusted))
  }

  /** Whether the peer's `X-Forwarded-*` headers are believed. */
  trusts(peer: string): boolean {
    return this.#trusted?.(peer) ?? false
  }

  /**
   * The client address: the peer's, or, if that is trusted, the first in `X-Forwarded-For` from the right that is
   * not trusted or does not parse. If all are trusted, the leftmost.
   */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    const trusted = this.#trusted
    if (!trusted || !forwardedFor?.trim() || !trusted(peer)) return peer
    let client = peer
    for (const hop of forwardedFor.split(',').reverse()) {
      client = unmap(hop.trim())
      if (!trusted(client)) break
    }
    return client
  }
}

/** The socket's address; IPv4 without the `::ffff:` that a dual-stack listener puts before it. */
export function peerOf(req: IncomingMessage): string {
  return unmap(req.socket.remoteAddress ?? '')
}

function unmap(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function parseTrusted(text: string, index: number): AddressRange {
  try {
    return parseRange(text)
  } catch (error) {
    throw new ProxyError('PROXY_OPTION_INVALID', `trustedProxies[${index}]: ${(error as Error).message}`)
  }
}
