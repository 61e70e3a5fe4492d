import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DEFAULT_TIMEOUTS } from '../model/limits.js'

/** Options of TCP keep-alive (RFC 9293, 3.8.4), as Node's servers and undici's connector take them. */
export interface KeepAliveOptions {
  readonly keepAlive: boolean
  readonly keepAliveInitialDelay: number
}

/** The longest keep-alive time in seconds. The system counts whole seconds in 15 bits. */
const MAX_SECONDS = 32_767

/**
 * Returns the options for a time in milliseconds.
 *
 * @param ms `timeouts.tcpKeepAliveMs`. Less than a second counts as one second. Infinity turns keep-alive off.
 */
export function keepAliveOptions(ms: number): KeepAliveOptions {
  const seconds = Math.min(Math.ceil(ms / 1_000), MAX_SECONDS)
  return { keepAlive: Number.isFinite(ms), keepAliveInitialDelay: seconds * 1_000 }
}

/**
 * Turns TCP keep-alive on, so that the system finds out whether the peer of a silent connection is still there. It changes
 * nothing on a Unix socket.
 */
export function keepAlive(
  socket: Duplex & { setKeepAlive?: Socket['setKeepAlive'] },
  ms: number = DEFAULT_TIMEOUTS.tcpKeepAliveMs,
): void {
  const options = keepAliveOptions(ms)
  // A host may serve streams that are no sockets. They have no `setKeepAlive`.
  if (options.keepAlive) socket.setKeepAlive?.(true, options.keepAliveInitialDelay)
}
