import { isIPv4, type Socket } from 'node:net'
import { buildConnector, errors } from 'undici'
import { descriptorOf, descriptors } from '../../base/descriptors.js'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { keepAliveOptions } from '../../base/tcp-keep-alive.js'
import type { Timeouts } from '../../model/limits.js'
import type { UpstreamNetworks } from './upstream-networks.js'
import { connectionOptions, endWithReason, type UpstreamTls } from './upstream-tls.js'

/** How connections to servers are made. */
export interface ConnectionOptions {
  readonly timeouts: Timeouts
  readonly tls: UpstreamTls
  readonly networks: UpstreamNetworks
  /** `limits.responseHeadBytes`. */
  readonly responseHeadBytes?: number
  /** Milliseconds for which a connection gets requests. Default: no limit. */
  readonly ageMs?: number
  /**
   * Ends connections that are being made: undici gives up none by itself. Default: they are made to their end. Those of health
   * checks, which are few, and may have the last descriptors.
   */
  readonly ended?: AbortController
}

/** Makes a connection. @returns gives it up, if it does not stand yet: undici would wait for it, even once it is to be closed */
export type Connect = (
  ...[options, callback]: Parameters<buildConnector.connector>
) => (reason: Error) => void

/** A time as undici takes it: a whole number, and no `Infinity`, which it would take for its own default. */
export function wholeMs(ms: number, none: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_TIMER_MS) : none
}

/**
 * Connects over TLS under the URL's own host name; an address has none to send, and is checked as an address.
 *
 * @param address where to connect to. Default: any address of the name
 */
export function connectorFor(
  hostname: string,
  { timeouts, tls, networks, ended }: ConnectionOptions,
  address?: string,
): Connect {
  const connect = buildConnector({
    // Its own timer is up to a second late.
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
    // undici gives the socket back, though its types do not say so.
    const begun = connect(named ? toAddress : { ...toAddress, servername: '' }, (error, socket) => {
      clearLimit()
      if (error) return callback(error, null)
      if (!ended && descriptorOf(socket) >= descriptors().forServers) {
        socket.destroy()
        return callback(noDescriptor(), null)
      }
      socket.on('error', tellReset)
      if (options.protocol === 'https:') endWithReason(socket)
      callback(null, socket)
    }) as unknown as Socket
    const clearLimit = limitConnect(begun, timeouts.connectMs)
    return (reason) => void begun.destroy(reason)
  }
}

function ignore(): void {}

/** Ends a socket that does not stand in time, TLS included. @returns says that it stands, or has failed */
function limitConnect(socket: Socket, connectMs: number): () => void {
  if (!Number.isFinite(connectMs)) return () => {}
  let isOver = false
  const late = () => {
    const tried = socket.autoSelectFamilyAttemptedAddresses
    const to = tried ? `attempted addresses: ${tried.join(', ')}, ` : ''
    if (!isOver)
      socket.destroy(new errors.ConnectTimeoutError(`Connect Timeout Error (${to}timeout: ${connectMs}ms)`))
  }
  // In the next turn: where the process stood still for long, the end of the handshake lies there unread.
  const timer = setTimeout(() => setImmediate(late), wholeMs(connectMs, MAX_TIMER_MS))
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/** What the system would say a little later: the last descriptors are for clients, whose requests could not be refused else. */
function noDescriptor(): Error {
  return Object.assign(new Error('connect EMFILE: few descriptors are left'), { code: 'EMFILE' })
}

/** By this code undici takes a reset for the proper end of a body that only the end of its connection ends. */
function tellReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
}
