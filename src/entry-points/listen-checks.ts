import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import { describeValue } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { HTTP2_WAY_OUT } from '../engine/client/http2-request.js'
import { ProxyError } from '../model/errors.js'

/** Bytes in the path of a Unix socket: `sun_path` of the system, without the zero at its end. */
const MAX_SOCKET_PATH = process.platform === 'linux' ? 107 : 103

/**
 * Refuses the path of a Unix socket that the system cannot hold: Node would cut it and listen at another path. Refuses one
 * beside a port or host too: Node would take one of them.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function checkSocketPath(at: {
  readonly path?: unknown
  readonly port?: unknown
  readonly host?: unknown
}): void {
  const { path, port, host } = at
  if (path !== undefined && (port !== undefined || host !== undefined))
    throw invalid('listen: expected a path, or a port with its host, not both')
  if (typeof path !== 'string') return
  // A named pipe of Windows is no file, and has a limit of its own.
  if (process.platform === 'win32') return
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH)
    throw invalid(
      `listen: path: expected at most ${MAX_SOCKET_PATH} bytes, which is what this system takes for a Unix socket; found ${bytes}`,
    )
  // At the beginning it stands for a socket of Linux that is no file.
  if (path.indexOf('\0') > 0) throw invalid('listen: path: expected no zero byte within it, found one')
}

/**
 * Refuses a name that most likely means another entry point: its listener would trust what the whole proxy trusts.
 *
 * @param entryPoints the option of `createProxy`
 * @param where what stands before the message: `listen` or `attach`
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the nearest entry point
 */
export function checkEntryPoint(entryPoint: unknown, entryPoints: object | undefined, where: string): void {
  if (entryPoint === undefined) return
  if (typeof entryPoint !== 'string' || entryPoint === '')
    throw invalid(
      `${where}: entryPoint: expected the name of an entry point, found ${describeValue(entryPoint)}`,
    )
  if (entryPoints === undefined || Object.hasOwn(entryPoints, entryPoint)) return
  const nearest = suggestName(entryPoint, Object.keys(entryPoints))
  if (nearest === '') return
  const name = JSON.stringify(entryPoint)
  throw invalid(
    `${where}: entryPoint: the option entryPoints has no ${name}${nearest}; if ${name} is meant, add it there, {} at least`,
  )
}

/**
 * Refuses what the proxy cannot serve on alone: another server than one of HTTP/1, and one whose own listeners would answer
 * the same requests or upgrades.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the way out
 */
export function checkServer(server: unknown): asserts server is HttpServer {
  if (!(server instanceof HttpServer || server instanceof HttpsServer))
    throw invalid(
      `attach: expected a server of node:http or node:https, found ${kindOfServer(server)}${wayOut(server)}`,
    )
  if (server.listenerCount('request') > 0)
    throw invalid(
      'attach: the server has a request listener already, and both would answer; let yours call proxy.handler(req, res, next), or, if it only watches and never answers, add it afterwards',
    )
  if (server.listenerCount('upgrade') > 0)
    throw invalid(
      'attach: the server has an upgrade listener already, of ws or Socket.IO for example, and both would answer; attach before that listener is added, or, instead of attach, let a listener of yours call proxy.upgrade(req, socket, head, next)',
    )
}

/** Only servers of node:http2 can change the settings of their sessions. */
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
  // The server of a framework has a request listener: the framework. It would be refused too.
  const isFramework =
    typeof server === 'function' || typeof (server as { server?: unknown } | null)?.server === 'object'
  return isFramework
    ? '; in a framework, call proxy.handler instead: app.use(proxy.handler) in Express, setNotFoundHandler in Fastify'
    : ''
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
