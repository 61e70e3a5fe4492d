import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { present } from '../base/records.js'
import { keepAlive, keepAliveOptions } from '../base/tcp-keep-alive.js'
import { refuseBarely } from '../engine/client/bare-refusals.js'
import { LingeringClose } from '../engine/client/lingering-close.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Limits, type Timeouts } from '../model/limits.js'
import { ClientConnections } from './client-connections.js'
import { limitIdleShortly, NODE_ADDS_MS } from './short-idle-limit.js'

/** What limits on clients come from. */
export interface ListenerLimits {
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Partial<Limits>
}

/** Options for a `node:http` or `node:https` server, from limits that were checked already. */
export function optionsOfServer({ timeouts, limits }: ListenerLimits): ServerOptions {
  const { requestHeadMs, keepAliveMs, tcpKeepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(timeouts ?? {}) }
  return {
    headersTimeout: finite(requestHeadMs),
    connectionsCheckingInterval: Math.min(1_000, Math.max(25, Math.ceil(requestHeadMs / 10))),
    keepAliveTimeout: Math.min(finite(keepAliveMs), MAX_NODE_LIMIT - NODE_ADDS_MS),
    ...keepAliveOptions(tcpKeepAliveMs),
    // The proxy itself looks at bodies: an upload may take as long as it moves.
    requestTimeout: 0,
    // Whatever Node was started with: what a lenient parser lets through, two proxies may read differently. A host that
    // gives `httpValidation` must take this one out again: Node takes one of the two.
    insecureHTTPParser: false,
    maxHeaderSize: Math.min(
      Math.ceil({ ...DEFAULT_LIMITS, ...present(limits ?? {}) }.headBytes),
      MAX_NODE_LIMIT,
    ),
  }
}

/** Beyond it node refuses a number. */
const MAX_NODE_LIMIT = 2 ** 31 - 1

/** Node takes whole numbers, and writes no limit as 0. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_NODE_LIMIT) : 0
}

/**
 * What a server that exists lets change: its times, how many headers it counts (the head's size is limit enough, and
 * hides nothing), how many connections an address may have, and that CONNECT is answered. @returns puts all of it back as
 * it was
 *
 * @param all of the proxy's listeners; its connections are added
 * @param lingering the proxy's connections that are being closed
 */
export function limitServer(
  server: Server,
  given: ListenerLimits,
  all = new Set<ClientConnections>(),
  lingering = new LingeringClose(DEFAULT_LIMITS),
): () => void {
  const own = limitsOf(server)
  Object.assign(server, { ...limitsOf(optionsOfServer(given)), maxHeadersCount: 0 })
  const { connectionsPerAddress } = { ...DEFAULT_LIMITS, ...present(given.limits ?? {}) }
  const connections = new ClientConnections(connectionsPerAddress, lingering)
  all.add(connections)
  const { keepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(given.timeouts ?? {}) }
  const unlimitIdle = limitIdleShortly(server, keepAliveMs)
  const accept = refuseBarely(server, lingering)
  const keepEach = (socket: Socket) => keepAlive(socket, given.timeouts?.tcpKeepAliveMs)
  server.on('connection', keepEach)
  server.on('connection', connections.enter)
  return () => {
    Object.assign(server, own)
    unlimitIdle()
    server.off('connection', keepEach)
    server.off('connection', connections.enter)
    all.delete(connections)
    accept()
  }
}

/** Of a server, or of what one is made with, what can be changed later. */
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
  /** Node reads it when the server begins to listen: later it changes nothing. */
  readonly connectionsCheckingInterval?: number | undefined
}
