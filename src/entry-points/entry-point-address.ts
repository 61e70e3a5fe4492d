import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import { checkSocketPath } from './unix-path.js'

/** Where a listener is bound: a TCP port, perhaps at the address of one interface; or the path of a Unix socket. */
export type ListenTarget =
  | { readonly port: number; readonly host?: string }
  | { readonly path: string; readonly mode?: number }

/** The text in front of the path of a Unix socket. */
const UNIX = 'unix:'

/**
 * Parses the address of an entry point, in the notation of Traefik 1.7: `:80`, `127.0.0.1:80`, `[::1]:80`. A Unix socket is
 * written `unix:/run/proxy.sock`.
 *
 * @param where what the error message names, such as `entryPoints.http.address`
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function parseAddress(text: unknown, where: string): ListenTarget {
  if (typeof text === 'string' && text.startsWith(UNIX) && text !== UNIX) {
    const path = text.slice(UNIX.length)
    checkSocketPath(path, where)
    return { path }
  }
  const [, bracketed, plain = '', port = ''] =
    /^(?:\[([\da-f:.%\w]+)\]|([^\s:[\]/]*)):(\d{1,5})$/i.exec(typeof text === 'string' ? text : '') ?? []
  if (port === '' || Number(port) > 65_535) {
    const expected = 'expected an address such as ":80", "127.0.0.1:80" or "unix:/run/proxy.sock"'
    throw new ProxyError('PROXY_OPTION_INVALID', `${where}: ${expected}, found ${describeValue(text)}`)
  }
  const host = bracketed ?? plain
  return { port: Number(port), ...(host !== '' && { host }) }
}

/** Returns whether two targets are the same place. Port 0 means any free port, so it is never the same place twice. */
export function isSameTarget(one: ListenTarget, other: ListenTarget): boolean {
  if ('path' in one) return 'path' in other && one.path === other.path
  return 'port' in other && one.port !== 0 && one.port === other.port && one.host === other.host
}

/** Returns whether listeners at two targets are in each other's way: at one path, or at one port of perhaps different interfaces. */
export function isSamePort(one: ListenTarget, other: ListenTarget): boolean {
  if ('path' in one || 'path' in other) return isSameTarget(one, other)
  return one.port !== 0 && one.port === other.port
}
