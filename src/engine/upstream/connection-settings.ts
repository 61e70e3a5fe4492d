import type { Client } from 'undici'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { DEFAULT_LIMITS } from '../../model/limits.js'
import { type Connect, type ConnectionOptions, connectorFor, wholeMs } from './connector.js'

/** How the connections of one upstream are made. */
export interface ConnectionSettings {
  readonly url: URL
  readonly client: Client.Options
  readonly connect: Connect
  /** Milliseconds from its making in which it gets requests; `Infinity` is no limit. */
  readonly ageMs: number
  /** Milliseconds without a request after which a private connection is closed. */
  readonly privateIdleMs: number
}

/** Returns the settings of an upstream. @param address where to connect to. Default: any address of the origin's name */
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
      // `IdleWatch` looks at the clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: wholeMs(upstreamKeepAliveMs, MAX_TIMER_MS),
    },
  }
}

/** A size as undici takes it: a whole number. It fails with as many bytes, we allow them. */
function wholeBytes(bytes = DEFAULT_LIMITS.responseHeadBytes): number {
  return Math.min(Math.floor(bytes) + 1, Number.MAX_SAFE_INTEGER)
}
