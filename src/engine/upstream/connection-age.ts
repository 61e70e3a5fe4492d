import { MAX_TIMER_MS } from '../../base/known-options.js'

/** Of the age of a connection, so much at most is taken off. */
const MAX_JITTER = 0.1

/**
 * Begins the time in which a connection gets requests. A name may lead elsewhere by now, and only a new connection looks.
 *
 * @param ageMs `Infinity`: no limit
 * @param grownOld called at its end
 */
export function beginAge(ageMs: number, grownOld: () => void): NodeJS.Timeout | undefined {
  if (!Number.isFinite(ageMs)) return undefined
  // Else all that were made in one burst would be made anew in one.
  const jitter = 1 - MAX_JITTER * Math.random()
  return setTimeout(grownOld, Math.min(ageMs * jitter, MAX_TIMER_MS)).unref()
}
