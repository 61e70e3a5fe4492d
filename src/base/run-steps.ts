import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Maximum milliseconds of long-running work in each turn of the event loop, for all such work together. Then the event loop can
 * serve requests.
 */
const SLICE_MS = 4

/**
 * When all long-running work must pause in this turn of the event loop, by `performance.now()`. The work shares one limit: with
 * separate limits, several pieces of work would together block the event loop for long. The variable is undefined until the first
 * piece of work in a turn sets it.
 */
let sliceEnd: number | undefined

function endOfSlice(): number {
  if (sliceEnd === undefined) {
    sliceEnd = performance.now() + SLICE_MS
    setImmediate(() => {
      sliceEnd = undefined
    })
  }
  return sliceEnd
}

/** Runs a generator to its end without a pause and returns its result. */
export function runAtOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/**
 * Runs a generator in time slices, so that requests are served between two slices. Work that fits into one slice never pauses.
 *
 * @throws the reason of the signal once it is aborted, or the error that the generator throws
 */
export async function runInSlices<T>(steps: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  try {
    for (;;) {
      signal?.throwIfAborted()
      const end = endOfSlice()
      // The loop makes at least one step in each turn, even if other work has used up the time slice. Otherwise this work might
      // never end.
      do {
        const step = steps.next()
        if (step.done) return step.value
      } while (performance.now() < end)
      await nextTurn()
    }
  } finally {
    // If the work is stopped early, the generator must still run its own `finally` block, because it may hold a resource.
    steps.return(undefined as T)
  }
}
