import type { ServerOptions } from 'node:http'
import { type ListenerLimits, optionsOfServer } from '../entry-points/server-limits.js'
import { checkListenerLimits } from './proxy-options.js'

/**
 * Returns the options of the proxy's own listeners, for a `node:http` or `node:https` server of the host's code. With Node's own
 * options a silent connection stays open for 90 s. `attach` sets most of these limits on a server that exists already.
 *
 * @param given `timeouts` and `limits` as for `createProxy`; other options of `createProxy` have no effect here
 * @throws ProxyError `PROXY_OPTION_INVALID` for unknown names and for numbers that `createProxy` refuses
 * @example createServer(serverOptions({ timeouts: { requestHeadMs: 5_000 } }), proxy.handler)
 */
export function serverOptions(given: ListenerLimits = {}): ServerOptions {
  checkListenerLimits(given)
  return optionsOfServer(given)
}
