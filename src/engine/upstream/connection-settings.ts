import type { Client } from 'undici'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { DEFAULT_LIMITS } from '../../model/limits.js'
import { type Connect, type ConnectionOptions, connectorFor, wholeMs } from './connector.js'

/** The settings with which an upstream opens each of its connections. */
export interface ConnectionSettings {
  readonly url: URL
  readonly client: Client.Options
  readonly connect: Connect
  /** Milliseconds for which an open connection gets requests. `Infinity` means no limit. */
  readonly ageMs: number
  /** The idle timeout of a private connection, in milliseconds. */
  readonly privateIdleMs: number
}

/**
 * Returns the settings for the connections to one origin.
 *
 * @param origin the server's scheme, host and port: `http://host:port`
 * @param address the address to connect to. Without it, the system chooses an address of the host name.
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
      // 0 turns off undici's own timeouts. `IdleWatch` ends exchanges that are idle for too long.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: wholeMs(upstreamKeepAliveMs, MAX_TIMER_MS),
    },
  }
}

/** Converts a size to a whole number, as undici needs it. undici refuses a head of exactly that size, which we allow. */
function wholeBytes(bytes = DEFAULT_LIMITS.responseHeadBytes): number {
  return Math.min(Math.floor(bytes) + 1, Number.MAX_SAFE_INTEGER)
}
