import { maxHeaderSize } from 'node:http'
import { ProxyError } from './errors.js'

/**
 * Time limits of the proxy in milliseconds. `Infinity` means no limit, and 0 is refused. docs/limits.md tells what happens at
 * each.
 *
 * @example createProxy({ config, timeouts: { connectMs: 2_000, responseHeadMs: 30_000 } })
 */
export interface Timeouts {
  /** Time limit for receiving the head of a request, from the start of the connection or the response before. @default 10_000 */
  readonly requestHeadMs: number
  /** Idle timeout of a client's connection: how long it may be without a request. @default 65_000 */
  readonly keepAliveMs: number
  /** Time limit for connecting to a server, TLS handshake included. @default 10_000 */
  readonly connectMs: number
  /**
   * Time limit for the head of a response to arrive, from the end of the request with its body. The limit is a total: interim
   * responses (1xx) do not extend it.
   *
   * @default 60_000
   */
  readonly responseHeadMs: number
  /** Idle timeout between two pieces of a request's or a response's body, whether client or server stalls. @default 300_000 */
  readonly bodyIdleMs: number
  /** Time limit for a whole request, from its head to the end of the response. Not for upgraded connections. @default Infinity */
  readonly requestMs: number
  /** Idle timeout of an upgraded connection: how long no byte may move in either direction. @default Infinity */
  readonly upgradeIdleMs: number
  /** Idle timeout of a connection to a server, unless the server names a time (`Keep-Alive: timeout=`). @default 4_000 */
  readonly upstreamKeepAliveMs: number
  /**
   * TCP keep-alive, for connections of clients and to servers: how long no byte moves before the operating system probes the
   * peer. The time is rounded up to whole seconds.
   *
   * @default 60_000
   */
  readonly tcpKeepAliveMs: number
  /**
   * How long requests and upgraded connections may continue on a server that a switch has removed from the configuration.
   *
   * @default Infinity
   */
  readonly retireAfterMs: number
}

/** The default time limits of a proxy. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  requestHeadMs: 10_000,
  keepAliveMs: 65_000,
  connectMs: 10_000,
  responseHeadMs: 60_000,
  bodyIdleMs: 300_000,
  requestMs: Number.POSITIVE_INFINITY,
  upgradeIdleMs: Number.POSITIVE_INFINITY,
  upstreamKeepAliveMs: 4_000,
  tcpKeepAliveMs: 60_000,
  retireAfterMs: Number.POSITIVE_INFINITY,
}

/**
 * Limits of the proxy in number and size. `Infinity` means no limit, and 0 is refused. docs/limits.md tells what happens at each.
 *
 * @example createProxy({ config, limits: { requestsInFlight: 10_000, bodyBytes: 16 * 1024 * 1024 } })
 */
export interface Limits {
  /** The largest head of a request in bytes. @default 16_384 */
  readonly headBytes: number
  /**
   * The largest size of the header names and values of a server's response in bytes. The limit applies to the head, to each
   * interim response (1xx), and to the trailers. A response that exceeds it becomes a 502.
   *
   * @default Node's `http.maxHeaderSize`: 16,384, or the value of `--max-http-header-size`
   */
  readonly responseHeadBytes: number
  /** The largest number of open connections of one peer address. The proxy closes further ones at once. @default Infinity */
  readonly connectionsPerAddress: number
  /** The largest number of requests under way in the whole proxy. Further requests get 503. @default Infinity */
  readonly requestsInFlight: number
  /**
   * The largest number of pipelined requests of one client connection that are under way at a time. Several are under way only
   * while all of them are safe (GET, HEAD, OPTIONS, TRACE). The proxy reads further requests later.
   *
   * @default 1
   */
  readonly pipelined: number
  /**
   * Milliseconds after which a connection to a server gets no further request. The connection ends when it is idle, and a new one
   * looks the server's host name up again. Each connection gets up to a tenth less, at random, so that connections do not all end
   * at once.
   *
   * @default 300_000
   */
  readonly connectionAgeMs: number
  /**
   * The largest body of a request in bytes. A larger body gets 413. A backend's `buffering.maxRequestBodyBytes`
   * overrides it.
   *
   * @default Infinity
   */
  readonly bodyBytes: number
  /**
   * Milliseconds of a lingering close (RFC 9112, 9.6): if the proxy has sent a response before the end of its request, it reads
   * and drops the rest of the request. The limit is a total: a further byte does not extend it.
   *
   * @default 5_000
   */
  readonly lingerMs: number
  /** The largest number of bytes that the proxy reads and drops in a lingering close. @default 16_777_216, 16 MiB */
  readonly lingerBytes: number
  /**
   * Addresses and ranges (CIDR) in which servers must be. The proxy checks the address whenever it connects to a server. A list
   * replaces the default as a whole.
   *
   * @default all addresses except link-local ones and the metadata services of clouds
   * @example ['10.0.0.0/8', '2001:db8::/32']
   */
  readonly upstreamNetworks?: readonly string[]
}

/** The default limits of a proxy in number and size. */
export const DEFAULT_LIMITS: Limits = {
  headBytes: 16_384,
  responseHeadBytes: maxHeaderSize,
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  requestsInFlight: Number.POSITIVE_INFINITY,
  pipelined: 1,
  connectionAgeMs: 300_000,
  bodyBytes: Number.POSITIVE_INFINITY,
  lingerMs: 5_000,
  lingerBytes: 16 * 1024 * 1024,
}

/** Makes the error for a request that exceeds `limits.requestsInFlight`. */
export function overloaded({ requestsInFlight }: Limits): ProxyError {
  const message = `more than ${requestsInFlight} requests are under way (limits.requestsInFlight)`
  return new ProxyError('PROXY_OVERLOADED', message)
}
