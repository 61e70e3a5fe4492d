import { ProxyError } from './model/errors.js'
import { describeValue } from './rules/document-shapes.js'
import { suggestName } from './rules/nearest-name.js'

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

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
