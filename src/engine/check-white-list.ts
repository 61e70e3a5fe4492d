import { ProxyError } from '../model/errors.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'

/**
 * Refuses a client whose address is not on the frontend's white list (Traefik 1.7 `whiteList`). The request does not fall through
 * to another frontend: the rule chooses the frontend, and the list only decides which clients may use it.
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
