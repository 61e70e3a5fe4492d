import { MAX_TIMER_MS } from '../../base/known-options.js'

/** The largest share of a connection's age limit that chance takes off. */
const MAX_JITTER = 0.1

/**
 * Starts the timer after which a connection gets no further requests. By then the server's name may lead to another address,
 * and the proxy looks the name up only for a new connection.
 *
 * @param ageMs the age limit in milliseconds; `Infinity` means no limit
 * @param onOld called when the connection has reached the limit
 */
export function beginAge(ageMs: number, onOld: () => void): NodeJS.Timeout | undefined {
  if (!Number.isFinite(ageMs)) return undefined
  // Without jitter, connections that opened in one burst would also be replaced in one burst.
  const jitter = 1 - MAX_JITTER * Math.random()
  return setTimeout(onOld, Math.min(ageMs * jitter, MAX_TIMER_MS)).unref()
}
