import { isIPv4, type Socket } from 'node:net'
import { buildConnector, errors } from 'undici'
import { descriptorOf, descriptors } from '../../base/descriptors.js'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { keepAliveOptions } from '../../base/tcp-keep-alive.js'
import type { Timeouts } from '../../model/limits.js'
import type { UpstreamNetworks } from './upstream-networks.js'
import { connectionOptions, endWithReason, type UpstreamTls } from './upstream-tls.js'

/** The options for connections to servers. */
export interface ConnectionOptions {
  readonly timeouts: Timeouts
  readonly tls: UpstreamTls
  readonly networks: UpstreamNetworks
  /** The largest head of a response, in bytes: the option `limits.responseHeadBytes`. */
  readonly responseHeadBytes?: number
  /** The age limit: milliseconds after which a connection gets no further requests. Without it, there is no limit. */
  readonly ageMs?: number
  /**
   * Aborts connections that are still being opened, because undici never gives up such a connection by itself. Only health checks
   * set this field. Their connections are few, so they may take the last file descriptors of the process.
   */
  readonly ended?: AbortController
}

/**
 * A function that opens a connection to a server.
 *
 * @returns a function that aborts the opening. If it is not called, undici waits for the connection even after undici's client
 *   was told to close.
 */
export type Connect = (
  ...[options, callback]: Parameters<buildConnector.connector>
) => (reason: Error) => void

/**
 * Converts a time in milliseconds to a whole number, as undici needs it. undici would replace `Infinity` by its own default.
 *
 * @param none the number to return for `Infinity`
 */
export function wholeMs(ms: number, none: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_TIMER_MS) : none
}

/**
 * Returns the function that opens connections to one server. Over TLS, that function sends the host name of the server's URL, and
 * the server's certificate must be for that name. If the URL has an IP address instead, no name is sent, and the certificate must
 * be for the address.
 *
 * @param hostname the host name or IP address in the server's URL; an IPv6 address is in brackets
 * @param address the IP address to connect to. Without it, each connection looks up the host name and takes one of its addresses.
 */
export function connectorFor(
  hostname: string,
  { timeouts, tls, networks, ended }: ConnectionOptions,
  address?: string,
): Connect {
  const connect = buildConnector({
    // 0 turns off undici's own connect timer, which is up to a second late. `limitConnect` sets another timer instead.
    timeout: 0,
    ...keepAliveOptions(timeouts.tcpKeepAliveMs),
    ...connectionOptions(tls),
    lookup: networks.lookup,
    ...(ended && { signal: ended.signal }),
  } as buildConnector.BuildOptions)
  const bracketed = hostname.startsWith('[')
  const flaw = networks.flawOf(address ?? (bracketed ? hostname.slice(1, -1) : hostname))
  if (flaw)
    return (_, callback) => {
      callback(flaw, null)
      return ignore
    }
  const named = !bracketed && !isIPv4(hostname)
  return (options, callback) => {
    const toAddress = address === undefined ? options : { ...options, hostname: address }
    // undici's connect function returns the socket, although undici's types do not say so.
    const begun = connect(named ? toAddress : { ...toAddress, servername: '' }, (error, socket) => {
      clearLimit()
      if (error) return callback(error, null)
      if (!ended && descriptorOf(socket) >= descriptors().forServers) {
        socket.destroy()
        return callback(noDescriptor(), null)
      }
      socket.on('error', changeResetCode)
      if (options.protocol === 'https:') endWithReason(socket)
      callback(null, socket)
    }) as unknown as Socket
    const clearLimit = limitConnect(begun, timeouts.connectMs)
    return (reason) => void begun.destroy(reason)
  }
}

function ignore(): void {}

/**
 * Destroys a socket that does not open within `connectMs`. The time includes the TLS handshake.
 *
 * @returns a function that stops the timer. The caller calls it when the socket is open or has failed.
 */
function limitConnect(socket: Socket, connectMs: number): () => void {
  if (!Number.isFinite(connectMs)) return () => {}
  let isOver = false
  const onLate = () => {
    const tried = socket.autoSelectFamilyAttemptedAddresses
    const to = tried ? `attempted addresses: ${tried.join(', ')}, ` : ''
    if (!isOver)
      socket.destroy(new errors.ConnectTimeoutError(`Connect Timeout Error (${to}timeout: ${connectMs}ms)`))
  }
  // When the time is over, the socket gets one more turn of the event loop. If the process was blocked, it may not have read the
  // end of the TLS handshake yet.
  const timer = setTimeout(() => setImmediate(onLate), wholeMs(connectMs, MAX_TIMER_MS))
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/**
 * Returns the error for a server connection that would take one of the last file descriptors of the process. The operating system
 * would report the same error a few descriptors later. The last descriptors are kept for clients. Without one, the proxy cannot
 * accept a client's connection, so it could not even answer with an error.
 */
function noDescriptor(): Error {
  return Object.assign(new Error('connect EMFILE: few descriptors are left'), { code: 'EMFILE' })
}

/**
 * Changes the error code of a connection reset. After `ECONNRESET`, undici would treat a response body of unknown length as
 * complete, although it broke off.
 */
function changeResetCode(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
}
