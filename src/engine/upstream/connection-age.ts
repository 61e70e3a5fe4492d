import { MAX_TIMER_MS } from '../../base/known-options.js'

/** The age limit of each connection is shortened at random, by at most this share: 0.1 is a tenth. */
const MAX_JITTER = 0.1
/** How many different age limits there are. Node keeps a list of 140 bytes for each duration of an unreferenced timer. */
const JITTER_STEPS = 100

/**
 * Starts the timer of a connection's age limit. When the timer ends, the connection gets no further requests. The proxy looks up
 * a host name only when it opens a connection. Without the limit, an old connection could lead to an outdated address for a long
 * time.
 *
 * @param ageMs the age limit in milliseconds; `Infinity` means no limit
 * @param onOld called when the connection has reached the limit
 */
export function beginAge(ageMs: number, onOld: () => void): NodeJS.Timeout | undefined {
  if (!Number.isFinite(ageMs)) return undefined
  // The jitter shortens each limit at random. Without it, connections that opened in one burst would also be replaced in one
  // burst.
  const step = Math.floor(Math.random() * JITTER_STEPS) / JITTER_STEPS
  return setTimeout(onOld, Math.min(Math.round(ageMs * (1 - MAX_JITTER * step)), MAX_TIMER_MS)).unref()
}
