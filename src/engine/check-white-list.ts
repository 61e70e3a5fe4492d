import { ProxyError } from '../model/errors.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'

/**
 * Refuses a client that is not on the frontend's white list. No other frontend gets the request. The
 * rule says what a frontend serves, and the list says who may have it (Traefik 1.7 `whiteList`).
 *
 * @throws ProxyError `PROXY_FORBIDDEN`
 */
export function checkWhiteList(
  { isWhiteListed, config, name }: CompiledFrontend,
  clientAddress: string,
  peer: string,
): void {
  if (isWhiteListed === undefined) return
  const address = config.whiteList?.useXForwardedFor ? clientAddress : peer
  if (isWhiteListed(address)) return
  throw new ProxyError('PROXY_FORBIDDEN', `${address || 'no address'} is not on the white list of ${name}`)
}
