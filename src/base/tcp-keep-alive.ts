import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DEFAULT_TIMEOUTS } from '../model/limits.js'

/** Options of TCP keep-alive (RFC 9293, 3.8.4). Node's HTTP servers and undici's connector take them in this form. */
export interface KeepAliveOptions {
  readonly keepAlive: boolean
  readonly keepAliveInitialDelay: number
}

/** The longest keep-alive time in seconds. Linux accepts no longer one. */
const MAX_SECONDS = 32_767

/**
 * Returns the keep-alive options for an idle time.
 *
 * @param ms idle time in milliseconds (`timeouts.tcpKeepAliveMs`). Fractions of a second are rounded up. Infinity turns
 *   keep-alive off.
 */
export function keepAliveOptions(ms: number): KeepAliveOptions {
  const seconds = Math.min(Math.ceil(ms / 1_000), MAX_SECONDS)
  return { keepAlive: Number.isFinite(ms), keepAliveInitialDelay: seconds * 1_000 }
}

/**
 * Turns on TCP keep-alive, so that the operating system detects a dead peer on an idle connection. On a Unix socket it has no
 * effect.
 */
export function keepAlive(
  socket: Duplex & { setKeepAlive?: Socket['setKeepAlive'] },
  ms: number = DEFAULT_TIMEOUTS.tcpKeepAliveMs,
): void {
  const options = keepAliveOptions(ms)
  // The application that embeds the proxy may pass a stream that is not a socket. Such a stream has no `setKeepAlive`.
  if (options.keepAlive) socket.setKeepAlive?.(true, options.keepAliveInitialDelay)
}
