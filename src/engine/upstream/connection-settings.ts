import type { Client } from 'undici'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { DEFAULT_LIMITS } from '../../model/limits.js'
import { type Connect, type ConnectionOptions, connectorFor, wholeMs } from './connector.js'

/** The settings with which an upstream opens each of its connections. */
export interface ConnectionSettings {
  readonly url: URL
  readonly client: Client.Options
  readonly connect: Connect
  /** The age limit: milliseconds after which an open connection gets no further requests. `Infinity` means no limit. */
  readonly ageMs: number
  /** The idle timeout, in milliseconds, of a connection that carries the requests of a single client connection only. */
  readonly privateIdleMs: number
}

/**
 * Returns the settings for the connections to one origin.
 *
 * @param origin the server's URL scheme, host and port: `http://host:port`
 * @param address the IP address to connect to. Without it, each connection looks up the host name and takes one of its addresses.
 */
export function connectionSettings(
  origin: string,
  options: ConnectionOptions,
  address: string | undefined,
): ConnectionSettings {
  const url = new URL(origin)
  const { timeouts, ageMs = Number.POSITIVE_INFINITY } = options
  const { keepAliveMs, upstreamKeepAliveMs } = timeouts
  return {
    url,
    connect: connectorFor(url.hostname, options, address),
    ageMs,
    privateIdleMs: wholeMs(keepAliveMs, MAX_TIMER_MS),
    client: {
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: wholeBytes(options.responseHeadBytes),
      // 0 turns off undici's own timeouts. Instead, `IdleWatch` ends exchanges on which no byte moves for too long.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: wholeMs(upstreamKeepAliveMs, MAX_TIMER_MS),
    },
  }
}

/**
 * Converts the size limit of response heads to a whole number, as undici needs it. undici refuses a head that has exactly the
 * given size. The proxy allows such a head, so this function adds one byte.
 */
function wholeBytes(bytes = DEFAULT_LIMITS.responseHeadBytes): number {
  return Math.min(Math.floor(bytes) + 1, Number.MAX_SAFE_INTEGER)
}
