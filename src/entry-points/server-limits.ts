import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { present } from '../base/records.js'
import { keepAlive, keepAliveOptions } from '../base/tcp-keep-alive.js'
import { refuseBarely } from '../engine/client/bare-refusals.js'
import { LingeringClose } from '../engine/client/lingering-close.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Limits, type Timeouts } from '../model/limits.js'
import { ClientConnections } from './client-connections.js'
import { limitIdleShortly, NODE_ADDS_MS } from './short-idle-limit.js'

/** The options from which the limits on clients come. */
export interface ListenerLimits {
  /** Limits in time. @default the defaults of `Timeouts` */
  readonly timeouts?: Partial<Timeouts>
  /** Limits in number and size. @default the defaults of `Limits` */
  readonly limits?: Partial<Limits>
}

/** Returns the options of a `node:http` or `node:https` server with the given limits. The caller has checked them. */
export function optionsOfServer({ timeouts, limits }: ListenerLimits): ServerOptions {
  const { requestHeadMs, keepAliveMs, tcpKeepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(timeouts ?? {}) }
  return {
    headersTimeout: finite(requestHeadMs),
    connectionsCheckingInterval: Math.min(1_000, Math.max(25, Math.ceil(requestHeadMs / 10))),
    keepAliveTimeout: Math.min(finite(keepAliveMs), MAX_NODE_LIMIT - NODE_ADDS_MS),
    ...keepAliveOptions(tcpKeepAliveMs),
    // The proxy itself limits the idle time of bodies. An upload may take any time as long as bytes move.
    requestTimeout: 0,
    // Node may have been started with `--insecure-http-parser`. Two proxies may read the requests of a lenient parser
    // differently. The host's code must remove this option if it sets `httpValidation`, because Node accepts only one of them.
    insecureHTTPParser: false,
    maxHeaderSize: Math.min(
      Math.ceil({ ...DEFAULT_LIMITS, ...present(limits ?? {}) }.headBytes),
      MAX_NODE_LIMIT,
    ),
  }
}

/** The largest number that Node accepts as a time limit or a size. */
const MAX_NODE_LIMIT = 2 ** 31 - 1

/** Returns a time as Node wants it: a whole number, and 0 for no limit. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_NODE_LIMIT) : 0
}

/**
 * Sets the limits that a server can still get after it was made: its times and the number of connections of one address. From
 * then on, CONNECT, unknown expectations and bytes that are not HTTP/1 get an answer too. The function also removes Node's limit
 * on the number of headers, because Node drops further headers silently. The size of the head is limited anyway.
 *
 * @param all the connections of all listeners of the proxy; those of this server are added
 * @param lingering the proxy's connections that close in stages
 * @returns a function that restores all of it
 */
export function limitServer(
  server: Server,
  given: ListenerLimits,
  all = new Set<ClientConnections>(),
  lingering = new LingeringClose(DEFAULT_LIMITS),
): () => void {
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
  return () => {
    Object.assign(server, before)
    unlimitIdle()
    server.off('connection', keepEach)
    server.off('connection', connections.enter)
    all.delete(connections)
    stopRefusing()
  }
}

/** Returns the members of a server, or of its options, that can be changed after the server was made. */
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
  /** Node reads this when the server begins to listen. A later change has no effect. */
  readonly connectionsCheckingInterval?: number | undefined
}
