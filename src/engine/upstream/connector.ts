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
  /** Milliseconds for which a connection gets requests. Without it, there is no limit. */
  readonly ageMs?: number
  /**
   * Aborts connections that are still being opened, because undici never gives one up by itself. Only health checks set it.
   * Their connections are few, so they may take the last descriptors of the process.
   */
  readonly ended?: AbortController
}

/**
 * Opens a connection to a server.
 *
 * @returns a function that gives the connection up while it is being opened. Without it, undici waits for the connection
 *   even after its client was told to close.
 */
export type Connect = (
  ...[options, callback]: Parameters<buildConnector.connector>
) => (reason: Error) => void

/**
 * Converts milliseconds to a whole number, as undici needs them. undici would replace `Infinity` by its own default.
 *
 * @param none the value that stands for `Infinity`
 */
export function wholeMs(ms: number, none: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_TIMER_MS) : none
}

/**
 * Returns the function that opens connections to one host. Over TLS, it sends the host name of the URL, and the server's
 * certificate must be for that name. If the URL has an address, no name is sent, and the certificate must be for the address.
 *
 * @param hostname the host of the URL; an IPv6 address is in brackets
 * @param address the address to connect to. Without it, the system chooses an address of the host name.
 */
export function connectorFor(
  hostname: string,
  { timeouts, tls, networks, ended }: ConnectionOptions,
  address?: string,
): Connect {
  const connect = buildConnector({
    // 0 turns off undici's own timer, which is up to a second late. `limitConnect` sets another one.
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
    // undici returns the socket, although its types do not say so.
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
 * Destroys a socket that is not open in time. The TLS handshake is part of that time.
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
  // The socket gets one more turn of the event loop. If the process was blocked, the end of the handshake may be unread.
  const timer = setTimeout(() => setImmediate(onLate), wholeMs(connectMs, MAX_TIMER_MS))
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/**
 * Returns the error that the system itself would report a few descriptors later. The last descriptors are kept for clients.
 * Without one, the proxy cannot accept a client's connection, so it could not even refuse its request.
 */
function noDescriptor(): Error {
  return Object.assign(new Error('connect EMFILE: few descriptors are left'), { code: 'EMFILE' })
}

/** Changes the code of a reset. After `ECONNRESET`, undici would take a body without a length for complete. */
function changeResetCode(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
}
