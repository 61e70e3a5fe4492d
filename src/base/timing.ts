import { setTimeout as delay } from 'node:timers/promises'
import { MAX_TIMER_MS } from './known-options.js'

/**
 * Waits for some milliseconds, and not at all for 0 or less. If the signal is aborted, the wait ends early without an error, so
 * the caller must check the signal. The timer does not keep the process alive.
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(Math.min(ms, MAX_TIMER_MS), undefined, { signal, ref: false }).catch(() => {})
}

/**
 * Returns a random time close to `ms`, so that proxies that were started together do not send their requests together.
 *
 * @param share the largest difference, as a share of `ms`: 0.1 means from 10% less to 10% more
 */
export function jittered(ms: number, share: number): number {
  return ms * (1 - share + Math.random() * 2 * share)
}

/**
 * Milliseconds within which a provider must stop. Afterwards the proxy no longer waits for it, because a provider that hangs must
 * not keep the proxy running.
 */
export const STOP_LIMIT_MS = 5_000

/**
 * Waits until `work` has settled, but not longer than the limit. If `work` rejects, its error is ignored, because the caller only
 * needs to wait.
 *
 * @param keepsProcess whether the wait keeps the process running. If not, and if nothing else does, the process ends before.
 */
export async function settledWithin(
  work: Promise<unknown>,
  limitMs: number,
  keepsProcess = true,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(limitMs, MAX_TIMER_MS))
    if (!keepsProcess) timer.unref()
  })
  await Promise.race([work.then(ignore, ignore), limit])
  clearTimeout(timer)
}

function ignore(): void {}
