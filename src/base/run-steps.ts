import { setImmediate as nextTurn } from 'node:timers/promises'

/** All long work together holds the event loop this long in a turn of it, then lets requests through. */
const SLICE_MS = 4

/** When the slices of this turn must end: one after another, several pieces of work would make one long turn. */
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
 * Runs work that comes in steps, pausing between slices of it so that requests are served meanwhile. Work that
 * fits into one slice never pauses.
 *
 * @throws the signal's reason once that is aborted; whatever the work throws
 */
export async function runInSlices<T>(steps: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  try {
    for (;;) {
      signal?.throwIfAborted()
      const end = endOfSlice()
      // One step at least: whoever comes last in a turn must get on too.
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
