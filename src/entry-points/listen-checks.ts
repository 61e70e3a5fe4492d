import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import { describeValue } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { HTTP2_WAY_OUT } from '../engine/client/http1/http2-request.js'
import { ProxyError } from '../model/errors.js'

/**
 * Throws for the name of an entry point that is not in the options but nearly equals a name that is. With a misspelt
 * name, the listener would trust the proxies of the option `trustedProxies` and not those of its entry point.
 *
 * @param entryPoints the entry points of the option `entryPoints`, by name
 * @param where the method that the error message names: `listen` or `attach`
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the nearest entry point
 */
export function checkEntryPoint(
  entryPoint: unknown,
  entryPoints: ReadonlyMap<string, unknown>,
  where: string,
): void {
  if (entryPoint === undefined) return
  if (typeof entryPoint !== 'string' || entryPoint === '')
    throw invalid(
      `${where}: entryPoint: expected the name of an entry point, found ${describeValue(entryPoint)}`,
    )
  if (entryPoints.has(entryPoint)) return
  const nearest = suggestName(entryPoint, [...entryPoints.keys()])
  if (nearest === '') return
  const name = JSON.stringify(entryPoint)
  throw invalid(
    `${where}: entryPoint: the option entryPoints has no ${name}${nearest}; if ${name} is meant, add it there, {} at least`,
  )
}

/**
 * Throws if a server is not an HTTP/1 server, or if its own listeners would answer the
 * same requests or upgrades as the proxy. The proxy cannot be attached to such a server.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that says what to do instead
 */
export function checkServer(server: unknown): asserts server is HttpServer {
  if (!(server instanceof HttpServer || server instanceof HttpsServer))
    throw invalid(
      `attach: expected a server of node:http or node:https, found ${kindOfServer(server)}${wayOut(server)}`,
    )
  if (server.listenerCount('request') > 0) {
    const found = 'attach: the server already has a request listener, and both would answer'
    const advice = 'let it call proxy.handler(req, res, next), or, if it never answers, add it after attach'
    throw invalid(`${found}; ${advice}`)
  }
  if (server.listenerCount('upgrade') > 0) {
    const found =
      'attach: the server already has an upgrade listener, as of ws or Socket.IO, and both would answer'
    const advice =
      'call attach before that listener is added, or let a listener of yours call proxy.upgrade(req, socket, head, next)'
    throw invalid(`${found}; ${advice}`)
  }
}

/** Returns whether a value is a server of `node:http2`. Only such servers have the method `updateSettings`. */
function isHttp2(server: unknown): boolean {
  return typeof (server as { updateSettings?: unknown } | null | undefined)?.updateSettings === 'function'
}

function kindOfServer(server: unknown): string {
  if (isHttp2(server)) return 'a server of node:http2; HTTP/2 is not served yet'
  if (server instanceof NetServer) return 'a server of node:net or node:tls, which speaks no HTTP'
  return typeof server === 'function' ? 'a function' : describeValue(server)
}

function wayOut(server: unknown): string {
  if (isHttp2(server)) return `: ${HTTP2_WAY_OUT}`
  // True if the value is an application of a framework, such as Express. `attach` would also refuse
  // the framework's `node:http` server, because the framework is a request listener of that server.
  const isFramework =
    typeof server === 'function' || typeof (server as { server?: unknown } | null)?.server === 'object'
  return isFramework
    ? '; in a framework, call proxy.handler instead: app.use(proxy.handler) in Express, setNotFoundHandler in Fastify'
    : ''
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
