import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { present } from '../base/records.js'
import { keepAlive, keepAliveOptions } from '../base/tcp-keep-alive.js'
import { refuseBarely } from '../engine/client/http1/bare-refusals.js'
import type { LingeringClose } from '../engine/client/http1/lingering-close.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Limits, type Timeouts } from '../model/limits.js'
import { ClientConnections } from './client-connections.js'
import { limitIdleShortly, NODE_ADDS_MS } from './short-idle-limit.js'

/** The options of the proxy that limit what clients may do. */
export interface ListenerLimits {
  /** Time limits in milliseconds. @default the defaults of `Timeouts` */
  readonly timeouts?: Partial<Timeouts>
  /** Limits in number and size. @default the defaults of `Limits` */
  readonly limits?: Partial<Limits>
}

/**
 * Returns the options with which `node:http` or `node:https` creates
 * a server with the given limits. The caller has checked the limits.
 */
export function optionsOfServer({ timeouts, limits }: ListenerLimits): ServerOptions {
  const { requestHeadMs, keepAliveMs, tcpKeepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(timeouts ?? {}) }
  return {
    headersTimeout: finite(requestHeadMs),
    connectionsCheckingInterval: Math.min(1_000, Math.max(25, Math.ceil(requestHeadMs / 10))),
    keepAliveTimeout: Math.min(finite(keepAliveMs), MAX_NODE_LIMIT - NODE_ADDS_MS),
    ...keepAliveOptions(tcpKeepAliveMs),
    // Turns off Node's limit on the time of a whole request, because an upload may take any time
    // as long as bytes move. The proxy itself limits the time in which no byte of a body moves.
    requestTimeout: 0,
    // Makes the HTTP parser strict, even if Node was started with `--insecure-http-parser`.
    // Two proxies may read differently what a lenient parser accepts. An application that
    // sets `httpValidation` must remove this option, because Node accepts only one of them.
    insecureHTTPParser: false,
    maxHeaderSize: maxHeaderSizeOf(limits ?? {}),
  }
}

/** Returns the largest head of a request in bytes, as Node expects it. */
export function maxHeaderSizeOf(limits: Partial<Limits>): number {
  return Math.min(Math.ceil({ ...DEFAULT_LIMITS, ...present(limits) }.headBytes), MAX_NODE_LIMIT)
}

/** The largest number that Node accepts as a time limit or a size. */
const MAX_NODE_LIMIT = 2 ** 31 - 1

/** Converts a time limit to the form that Node expects: whole milliseconds, and 0 for no limit. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_NODE_LIMIT) : 0
}

/**
 * Sets the limits that can still be set on an existing server: its timeouts, and the number of
 * connections of one peer address. From then on, the server also answers CONNECT, unknown `Expect`
 * values and bytes that are not HTTP/1. The function also removes Node's limit on the number of
 * headers, because Node drops further headers silently. The size of the request head is limited anyway.
 *
 * @param all the client connections of all listeners of the proxy; the function adds those of this server
 * @param lingering the proxy's connections that are closing in stages
 * @returns what changes these limits later, and undoes all of this
 */
export function limitServer(
  server: Server,
  given: ListenerLimits,
  all: Set<ClientConnections>,
  lingering: LingeringClose,
): ServerLimiter {
  const before = limitsOf(server)
  Object.assign(server, { ...limitsOf(optionsOfServer(given)), maxHeadersCount: 0 })
  const { connectionsPerAddress } = { ...DEFAULT_LIMITS, ...present(given.limits ?? {}) }
  const connections = new ClientConnections(connectionsPerAddress, lingering)
  all.add(connections)
  const { keepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(given.timeouts ?? {}) }
  const unlimitIdle = limitIdleShortly(server, keepAliveMs)
  const stopRefusing = refuseBarely(server, lingering)
  const keepEach = (socket: Socket) => keepAlive(socket, given.timeouts?.tcpKeepAliveMs)
  server.on('connection', keepEach)
  server.on('connection', connections.enter)
  return {
    change: (limits) => {
      connections.perAddress = { ...DEFAULT_LIMITS, ...present(limits) }.connectionsPerAddress
    },
    undo: () => {
      Object.assign(server, before)
      unlimitIdle()
      server.off('connection', keepEach)
      server.off('connection', connections.enter)
      all.delete(connections)
      stopRefusing()
    },
  }
}

/** The limits that `limitServer` has set on a server. */
export interface ServerLimiter {
  /** Changes the limits of connections that are accepted afterwards. Only `connectionsPerAddress` can change. */
  readonly change: (limits: Partial<Limits>) => void
  /** Removes all limits again. */
  readonly undo: () => void
}

/** Returns the limits of a server, or of its options, that can still be set after the server was created. */
function limitsOf({
  headersTimeout,
  keepAliveTimeout,
  requestTimeout,
  maxHeadersCount,
  connectionsCheckingInterval,
}: ServerLimits): ServerLimits {
  return { headersTimeout, keepAliveTimeout, requestTimeout, maxHeadersCount, connectionsCheckingInterval }
}

interface ServerLimits {
  readonly headersTimeout?: number | undefined
  readonly keepAliveTimeout?: number | undefined
  readonly requestTimeout?: number | undefined
  readonly maxHeadersCount?: number | null | undefined
  /**
   * Milliseconds between two checks for slow request heads. Node reads the
   * value when the server begins to listen. A later change has no effect.
   */
  readonly connectionsCheckingInterval?: number | undefined
}
