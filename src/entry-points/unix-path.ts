import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'

/**
 * Maximum number of bytes in the path of a Unix socket: the size of the system's `sun_path`, without the zero byte at its end.
 */
export const MAX_SOCKET_PATH = process.platform === 'linux' ? 107 : 103

/**
 * Throws if the path of a Unix socket is too long, because Node would cut the path and listen at another one. Also throws for a
 * zero byte within the path.
 *
 * @param where what the message names, such as `listen: path`
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function checkSocketPath(path: string, where: string): void {
  // On Windows, the path names a pipe, which has another limit. So the path is not checked further.
  if (process.platform === 'win32') return
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH)
    throw invalid(
      `${where}: expected at most ${MAX_SOCKET_PATH} bytes, the limit of this system for a Unix socket; found ${bytes}`,
    )
  // A zero byte at the beginning means an abstract socket of Linux, which is not a file.
  if (path.indexOf('\0') > 0) throw invalid(`${where}: expected no zero byte within it, found one`)
}

/** Whether a path of a Unix socket names a file. Pipes of Windows and abstract sockets of Linux are no files. */
export function isFile(path: string): boolean {
  return process.platform !== 'win32' && !path.startsWith('\0')
}

/**
 * Throws unless the mode of a Unix socket is one that the system can give its file.
 *
 * @param path the path of the socket; undefined if the listener has none
 * @param where what the message names, such as `listen: mode`
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function checkSocketMode(mode: unknown, path: string | undefined, where: string): void {
  if (mode === undefined) return
  if (!(Number.isInteger(mode) && (mode as number) >= 0 && (mode as number) <= 0o777)) {
    const found = typeof mode === 'number' ? mode : describeValue(mode)
    throw invalid(`${where}: expected a number from 0 to 0o777, such as 0o660, found ${found}`)
  }
  if (path === undefined) throw invalid(`${where}: expected the path of a Unix socket beside it, found none`)
  if (!isFile(path)) throw invalid(`${where}: expected the path of a file beside it, which alone has a mode`)
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
