import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds in each turn of the event loop for all long work together. After that, requests are served. */
const SLICE_MS = 4

/**
 * When the work of this turn must pause. All pieces of work share it. With a limit each, they would together make one long turn.
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

/** Runs work that comes in steps to its end, without a pause. */
export function runAtOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/**
 * Runs work that comes in steps and pauses between slices, so that requests are served meanwhile. Work that fits into one slice
 * never pauses.
 *
 * @throws the reason of the signal once it is aborted, or the error that the work throws
 */
export async function runInSlices<T>(steps: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  try {
    for (;;) {
      signal?.throwIfAborted()
      const end = endOfSlice()
      // Each piece of work makes at least one step in a turn, even if others have used up the time. Otherwise it might never end.
      do {
        const step = steps.next()
        if (step.done) return step.value
      } while (performance.now() < end)
      await nextTurn()
    }
  } finally {
    // Work that is stopped early must still reach its own `finally`, because it may hold a resource.
    steps.return(undefined as T)
  }
}
