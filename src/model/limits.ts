import { maxHeaderSize } from 'node:http'
import { ProxyError } from './errors.js'

/**
 * Limits in time, in milliseconds. `Infinity` means no limit, and 0 is refused. docs/limits.md tells what happens at each.
 *
 * @example createProxy({ config, timeouts: { connectMs: 2_000, responseHeadMs: 30_000 } })
 */
export interface Timeouts {
  /** For the head of a request to arrive, from the start of the connection or the response before. @default 10_000 */
  readonly requestHeadMs: number
  /** For which a connection of a client may be idle, without a request. @default 65_000 */
  readonly keepAliveMs: number
  /** For the proxy to connect to a server, TLS included. @default 10_000 */
  readonly connectMs: number
  /**
   * For the head of a response to arrive, from the end of the request with its body. It is a total: interim responses (1xx) do
   * not extend it.
   *
   * @default 60_000
   */
  readonly responseHeadMs: number
  /** Idle timeout between two pieces of a request's or a response's body, whether client or server stalls. @default 300_000 */
  readonly bodyIdleMs: number
  /** For a whole request, from its head to the end of the response. Not for upgraded connections. @default Infinity */
  readonly requestMs: number
  /** Idle timeout of an upgraded connection, without a byte in either direction. @default Infinity */
  readonly upgradeIdleMs: number
  /** For which a server connection may be idle, unless the server names a time (`Keep-Alive: timeout=`). @default 4_000 */
  readonly upstreamKeepAliveMs: number
  /**
   * TCP keep-alive: for which no byte moves on a connection of a client or to a server before the system probes the peer. It is
   * rounded up to whole seconds.
   *
   * @default 60_000
   */
  readonly tcpKeepAliveMs: number
  /** For which requests and upgraded connections may go on at a server that no configuration names. @default Infinity */
  readonly retireAfterMs: number
}

/** The time limits of a proxy that sets none. */
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
 * Limits in number and size. `Infinity` means no limit, and 0 is refused. docs/limits.md tells what happens at each.
 *
 * @example createProxy({ config, limits: { requestsInFlight: 10_000, bodyBytes: 16 * 1024 * 1024 } })
 */
export interface Limits {
  /** Bytes of a request's head. @default 16_384 */
  readonly headBytes: number
  /**
   * Bytes of the names and values in the head of a server's response, of each interim response (1xx), and of its trailers. More
   * bytes make the response a 502.
   *
   * @default Node's `http.maxHeaderSize`: 16,384, or the value of `--max-http-header-size`
   */
  readonly responseHeadBytes: number
  /** Open connections of one peer address. The proxy closes further ones at once. @default Infinity */
  readonly connectionsPerAddress: number
  /** Requests under way in the whole proxy. More get 503. @default Infinity */
  readonly requestsInFlight: number
  /**
   * Pipelined requests of one client connection that are under way at a time. Several are under way only while all of them are
   * safe (GET, HEAD, OPTIONS, TRACE). The proxy does not read the others yet.
   *
   * @default 1
   */
  readonly pipelined: number
  /**
   * Milliseconds after which a connection to a server gets no further request. It ends when it is idle, and the next connection
   * looks the server's name up again. Each connection gets up to a tenth less, at random, so that they do not all end at once.
   *
   * @default 300_000
   */
  readonly connectionAgeMs: number
  /** Bytes of a request's body. More get 413. A backend's `buffering.maxRequestBodyBytes` overrides it. @default Infinity */
  readonly bodyBytes: number
  /**
   * Milliseconds of a lingering close (RFC 9112, 9.6). It follows a response that came before the end of its request. The proxy
   * reads and drops the rest of the request for this long. It is a total: a byte does not start it again.
   *
   * @default 5_000
   */
  readonly lingerMs: number
  /** Bytes that the proxy reads and drops in a lingering close. @default 16_777_216, 16 MiB */
  readonly lingerBytes: number
  /**
   * Addresses and ranges in which servers must be. The proxy checks them whenever it makes a connection. A list replaces the
   * default as a whole.
   *
   * @default all addresses except link-local ones and the metadata services of clouds
   * @example ['10.0.0.0/8', '2001:db8::/32']
   */
  readonly upstreamNetworks?: readonly string[]
}

/** The limits of a proxy that sets none. */
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

/** Makes the error of a request beyond `limits.requestsInFlight`. */
export function overloaded({ requestsInFlight }: Limits): ProxyError {
  const message = `more than ${requestsInFlight} requests are under way (limits.requestsInFlight)`
  return new ProxyError('PROXY_OVERLOADED', message)
}
