import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { CompiledFrontend } from './compile-frontend.js'

/**
 * An answer of the proxy itself to a request that a frontend matches, so that no server gets the request. Status 301 sends the
 * client to a path that differs by a final slash. Status 403 means that an address is not on the frontend's white list.
 */
export type OwnAnswer =
  | { readonly status: 301; readonly path: string }
  | { readonly status: 403; readonly address: string }

/**
 * Decides whether the proxy itself answers a request. The engine and `explain` both ask this function, so that they never differ.
 *
 * A client that is not on the white list (Traefik 1.7 `whiteList`) does not fall through to another frontend: the rule chooses the
 * frontend, and the list only decides which clients may use it.
 *
 * @param facts the facts of the request. Without `peerAddress`, the client itself is the peer.
 * @returns undefined if a server gets the request
 */
export function ownAnswer(
  { otherSlash, isWhiteListed, config }: CompiledFrontend,
  facts: Pick<RequestFacts, 'path' | 'clientAddress' | 'peerAddress'>,
): OwnAnswer | undefined {
  const path = otherSlash?.(facts.path)
  if (path !== undefined) return { status: 301, path }
  if (isWhiteListed === undefined) return undefined
  const { clientAddress, peerAddress = clientAddress } = facts
  const address = config.whiteList?.useXForwardedFor ? clientAddress : peerAddress
  return isWhiteListed(address) ? undefined : { status: 403, address }
}

/** Returns the error for a request from an address that is not on the frontend's white list. */
export function notWhiteListed(address: string, { name }: CompiledFrontend): ProxyError {
  return new ProxyError('PROXY_FORBIDDEN', `${address || 'no address'} is not on the white list of ${name}`)
}
