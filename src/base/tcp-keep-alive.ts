import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DEFAULT_TIMEOUTS } from '../model/limits.js'

/** Keep-alive of TCP (RFC 9293, 3.8.4), as Node's servers and undici's connector take it. */
export interface KeepAliveOptions {
  readonly keepAlive: boolean
  readonly keepAliveInitialDelay: number
}

/** The system counts whole seconds, in 15 bits. */
const MAX_SECONDS = 32_767

/** @param ms `timeouts.tcpKeepAliveMs`; less than a second is one second */
export function keepAliveOptions(ms: number): KeepAliveOptions {
  const seconds = Math.min(Math.ceil(ms / 1_000), MAX_SECONDS)
  return { keepAlive: Number.isFinite(ms), keepAliveInitialDelay: seconds * 1_000 }
}

/** Lets the system find out whether the peer of a silent connection is still there. On a Unix socket it changes nothing. */
export function keepAlive(
  socket: Duplex & { setKeepAlive?: Socket['setKeepAlive'] },
  ms: number = DEFAULT_TIMEOUTS.tcpKeepAliveMs,
): void {
  const options = keepAliveOptions(ms)
  // A host may serve streams that are no sockets.
  if (options.keepAlive) socket.setKeepAlive?.(true, options.keepAliveInitialDelay)
}
