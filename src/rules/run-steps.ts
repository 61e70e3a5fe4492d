import { setImmediate as nextTurn } from 'node:timers/promises'

/** Long work holds the event loop this long at a time, then lets requests through. */
const SLICE_MS = 4

/** Runs work that comes in steps to its end, without a pause. */
export function runAtOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/**
 * Runs work that comes in steps, pausing between slices of it so that requests are served meanwhile. Work that
 * fits into one slice never pauses.
 *
 * @throws the signal's reason once that is aborted; whatever the work throws
 */
export async function runInSlices<T>(steps: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  try {
    for (;;) {
      signal?.throwIfAborted()
      const end = performance.now() + SLICE_MS
      do {
        const step = steps.next()
        if (step.done) return step.value
      } while (performance.now() < end)
      await nextTurn()
    }
  } finally {
    // Abandoned work must still reach its own `finally`: it may hold something.
    steps.return(undefined as T)
  }
}
