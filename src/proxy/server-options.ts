import type { ServerOptions } from 'node:http'
import { type ListenerLimits, optionsOfServer } from '../entry-points/server-limits.js'
import { checkListenerLimits } from './check-options.js'

/**
 * Returns options for a `node:http` or `node:https` server of the application: the limits that the proxy's own listeners have.
 * With Node's defaults, a client that sends nothing keeps its connection for 90 s. `attach` sets most of these limits on an
 * existing server.
 *
 * @param given `timeouts` and `limits` as for `createProxy`; other options of `createProxy` have no effect here
 * @throws ProxyError `PROXY_OPTION_INVALID` for unknown names and for numbers that `createProxy` refuses
 * @example createServer(serverOptions({ timeouts: { requestHeadMs: 5_000 } }), proxy.handler)
 */
export function serverOptions(given: ListenerLimits = {}): ServerOptions {
  checkListenerLimits(given)
  return optionsOfServer(given)
}
