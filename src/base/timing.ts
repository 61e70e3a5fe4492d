import { setTimeout as delay } from 'node:timers/promises'
import { MAX_TIMER_MS } from './known-options.js'

/**
 * Waits, and never rejects: an abort ends the wait early, and the caller looks at the signal. The wait keeps no process
 * alive. A time of 0 or less does not wait.
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(Math.min(ms, MAX_TIMER_MS), undefined, { signal, ref: false }).catch(() => {})
}

/**
 * A time drawn anew around `ms`, so that many proxies that began together do not ask together.
 *
 * @param share how far it may lie from `ms`, as a share of it: 0.1 is a tenth less to a tenth more
 */
export function jittered(ms: number, share: number): number {
  return ms * (1 - share + Math.random() * 2 * share)
}

/** How long a provider may take to stop, in milliseconds. A provider that hangs must not keep the proxy running. */
export const STOP_LIMIT_MS = 5_000

/** Resolves when the work has settled, or at the limit. What a rejection says is dropped: the caller only waits. */
export async function settledWithin(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(limitMs, MAX_TIMER_MS))
  })
  await Promise.race([work.then(ignore, ignore), limit])
  clearTimeout(timer)
}

function ignore(): void {}
