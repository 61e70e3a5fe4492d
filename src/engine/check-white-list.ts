import { ProxyError } from '../model/errors.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'

/**
 * Keeps out who is not on a frontend's white list. No other frontend gets the request: the list says who may ask here, the
 * rule what is asked here (Traefik 1.7 `whiteList`).
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
