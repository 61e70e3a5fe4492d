import type { ServerOptions } from 'node:http'
import { type ListenerLimits, optionsOfServer } from '../entry-points/server-limits.js'
import { checkListenerLimits } from './proxy-options.js'

/**
 * Options for a `node:http` or `node:https` server of the host's, as the proxy's own listeners have them: with Node's
 * own, a silent connection is held for 90 s. A server that exists already can be changed in part; `attach` does that.
 *
 * @param given `timeouts` and `limits` as given to `createProxy`; its other options say nothing here
 * @throws ProxyError `PROXY_OPTION_INVALID` for unknown names and for numbers that `createProxy` refuses
 */
export function serverOptions(given: ListenerLimits = {}): ServerOptions {
  checkListenerLimits(given)
  return optionsOfServer(given)
}
