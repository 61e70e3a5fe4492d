import type { ProxyOptions } from './proxy-options.js'
import { ReverseProxy } from './reverse-proxy.js'

/**
 * Creates a proxy that is not started yet. It starts when `listen`, `attach`, `ready` or `start` is called, or when the first
 * request comes.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if an option is unknown or has a wrong value; `PROXY_CONFIG_INVALID` if the option
 *   `config` is not a valid document
 * @example
 * const proxy = createProxy({
 *   config: {
 *     frontends: { web: { backend: 'web', rule: 'Host:www.example.com' } },
 *     backends: { web: { servers: { one: { url: 'http://10.0.0.4:8080' } } } },
 *   },
 * })
 * await proxy.listen(8000)
 */
export function createProxy(options: ProxyOptions): ReverseProxy {
  return new ReverseProxy(options)
}
