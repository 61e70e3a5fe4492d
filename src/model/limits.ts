import { maxHeaderSize } from 'node:http'
import { ProxyError } from './errors.js'

/** Limits in time, in milliseconds; `Infinity` is none. All of them stand in docs/limits.md. */
export interface Timeouts {
  /** From a client's connection, or its last response, to the end of a request's head. Checked every second. Default 10,000. */
  readonly requestHeadMs: number
  /** Without a request, on a client's connection. Default 65,000. */
  readonly keepAliveMs: number
  /** For a connection to a server to stand, TLS included. Default 10,000. */
  readonly connectMs: number
  /**
   * From the request sent, with its body, to the head of its response. It is a total: responses before that one (1xx) do not prolong
   * it. Default 60,000.
   */
  readonly responseHeadMs: number
  /** Between two pieces of a body, of a request or a response, whoever stands still. Default 300,000. */
  readonly bodyIdleMs: number
  /** From the request's head to the end of the response; upgraded connections have none. Default: none. */
  readonly requestMs: number
  /** Without a byte through an upgraded connection, in either direction. Default: none. */
  readonly upgradeIdleMs: number
  /** Without a request, on a connection to a server, unless that says otherwise (`Keep-Alive: timeout=`). Default 4,000. */
  readonly upstreamKeepAliveMs: number
  /**
   * Without a byte on a TCP connection, of clients and to servers, until the system asks whether the peer is still there; whole
   * seconds. Default 60,000.
   */
  readonly tcpKeepAliveMs: number
  /** For what runs on a server that no configuration names any more, upgraded connections too. Default: none. */
  readonly retireAfterMs: number
}

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

/** Limits in number and size; `Infinity` is none. All of them stand in docs/limits.md. */
export interface Limits {
  /** Bytes of a request's head. Default 16,384. */
  readonly headBytes: number
  /**
   * Bytes of the names and values in the head of a server's response, of each response before it (1xx), and of its trailers.
   * More are 502. Default: Node's `http.maxHeaderSize`, which is 16,384 unless `--max-http-header-size` says otherwise.
   */
  readonly responseHeadBytes: number
  /** Open connections of one client address (the socket's). More are closed at once. Default: none. */
  readonly connectionsPerAddress: number
  /** Requests under way in the whole proxy. More get 503. Default: none. */
  readonly requestsInFlight: number
  /**
   * Requests of one client connection under way at a time, where the client sends them without waiting for responses. More
   * than one only while all of them are safe (GET, HEAD, OPTIONS, TRACE). Others wait unread. Default 1.
   */
  readonly pipelined: number
  /**
   * Milliseconds after which a connection to a server gets no further request: it ends when it is idle, and the next one looks the
   * server's name up again. Up to a tenth less, drawn for each, so that they do not all end at once. Default 300,000.
   */
  readonly connectionAgeMs: number
  /** Bytes of a request's body. More get 413. A backend's `buffering.maxRequestBodyBytes` comes before it. Default: none. */
  readonly bodyBytes: number
  /**
   * Milliseconds for which a connection is still read, and what comes is dropped, behind an answer that came before the end of
   * its request. The time is a total: it does not begin anew with each byte (RFC 9112, 9.6). Default 5,000.
   */
  readonly lingerMs: number
  /** Bytes that are read and dropped meanwhile. Default 16 MiB. */
  readonly lingerBytes: number
  /**
   * Addresses and ranges in which servers must be, looked at whenever a connection is made. Default: all but link-local
   * ones and the metadata services of clouds.
   */
  readonly upstreamNetworks?: readonly string[]
}

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

/** What a request beyond `requestsInFlight` fails with. */
export function overloaded({ requestsInFlight }: Limits): ProxyError {
  const message = `more than ${requestsInFlight} requests are under way (limits.requestsInFlight)`
  return new ProxyError('PROXY_OVERLOADED', message)
}
