import type { AddressInfo } from 'node:net'
import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import type { ListenTarget } from './entry-point-address.js'
import { checkSocketMode, checkSocketPath } from './unix-path.js'

/**
 * Where to listen: the name of an entry point that has an address in the option `entryPoints`; a TCP port; a port with an address
 * and the name of an entry point; or the path of a Unix socket.
 *
 * @example { port: 8443, host: '127.0.0.1', entryPoint: 'internal' }
 */
export type ListenAt =
  | string
  | number
  | {
      /** The TCP port. 0 means any free port. */
      readonly port: number
      /** The IP address or host name to listen on. @default all addresses */
      readonly host?: string
      /** The name of the entry point, as frontends and the option `entryPoints` write it. @default no name */
      readonly entryPoint?: string
    }
  | {
      /** The path of a Unix socket. The file of a socket without a listener is replaced. */
      readonly path: string
      /** The mode of the socket's file, such as 0o660. @default the mode that the process's umask leaves */
      readonly mode?: number
      /** The name of the entry point, as frontends and the option `entryPoints` write it. @default no name */
      readonly entryPoint?: string
    }

/** The address to which a listener is bound. */
export interface BoundAddress {
  /** The IP address. `''` for a Unix socket. */
  readonly host: string
  /** The port. 0 for a Unix socket. */
  readonly port: number
  /** The address as a URL for people and tests, such as `http://127.0.0.1:8000` or `unix:/path`. */
  readonly url: string
}

/** Where a listener listens, without a name that stands for an address. */
export interface CheckedListenAt {
  readonly target: ListenTarget
  readonly entryPoint: string | undefined
}

/**
 * Checks the argument of `listen` that is not the name of an entry point.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if it is not a port or an address
 */
export function checkListenAt(at: Exclude<ListenAt, string>): CheckedListenAt {
  const expected =
    'listen: expected the name of an entry point, a port from 0 to 65535, { port, host, entryPoint }, or { path, mode, entryPoint }'
  const given = typeof at === 'number' ? { port: at } : at
  if (typeof given !== 'object' || given === null)
    throw new ProxyError('PROXY_OPTION_INVALID', `${expected}, found ${describeValue(at)}`)
  onlyKnownOptions(given, ['port', 'host', 'path', 'mode', 'entryPoint'], 'listen: ')
  const { port, host, path, mode, entryPoint } = given as {
    port?: number
    host?: string
    path?: string
    mode?: number
    entryPoint?: string
  }
  if (path !== undefined && (port !== undefined || host !== undefined))
    throw new ProxyError('PROXY_OPTION_INVALID', 'listen: expected a path, or a port with its host, not both')
  if (typeof path === 'string') checkSocketPath(path, 'listen: path')
  checkSocketMode(mode, path, 'listen: mode')
  const isPort = Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535
  if (isPort === (typeof path === 'string' && path !== ''))
    throw new ProxyError('PROXY_OPTION_INVALID', `${expected}, found ${JSON.stringify(given)}`)
  const target = path === undefined ? { port, host } : { path, mode }
  return { target: target as ListenTarget, entryPoint }
}

/** Converts the address of a bound server from Node's form. @throws ProxyError `PROXY_CLOSED` if there is no address */
export function boundAddress(address: AddressInfo | string | null): BoundAddress {
  if (address === null) throw new ProxyError('PROXY_CLOSED')
  if (typeof address === 'string') return { host: '', port: 0, url: `unix:${address}` }
  const { address: host, port, family } = address
  // The host part of the URL. A client cannot connect to a wildcard
  // address such as `0.0.0.0`, but loopback reaches the listener.
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${host}]` : host
  return { host, port, url: `http://${reachable}:${port}` }
}
