import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { runAtOnce, runInSlices } from '../../src/base/run-steps.js'

/** Work that counts its steps and whether it was cleaned up after. */
function work(steps: number, stepMs = 0) {
  const seen = { steps: 0, cleanedUp: 0 }
  function* run(): Generator<void, string> {
    try {
      for (let step = 0; step < steps; step++) {
        seen.steps += 1
        const end = performance.now() + stepMs
        while (performance.now() < end);
        yield
      }
      return 'done'
    } finally {
      seen.cleanedUp += 1
    }
  }
  return { seen, run }
}

/** Counts the turns that the event loop gets while a promise is pending. */
async function turnsDuring(pending: Promise<unknown>): Promise<number> {
  let over = false
  const ended = pending.finally(() => {
    over = true
  })
  let turns = 0
  while (!over) {
    await nextTurn()
    if (!over) turns += 1
  }
  await ended
  return turns
}

// The tests before may have used up the slice of their turn; what is run in it begins in the next.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

describe('runAtOnce', () => {
  it('runs every step and gives the result, with no pause', () => {
    const { seen, run } = work(1000)
    expect(runAtOnce(run())).toBe('done')
    expect(seen).toEqual({ steps: 1000, cleanedUp: 1 })
  })

  it('throws what the work throws', () => {
    const cause = new Error('bad rule')
    function* run(): Generator<void, never> {
      yield
      throw cause
    }
    expect(() => runAtOnce(run())).toThrow(cause)
  })
})

describe('runInSlices', () => {
  it('runs every step and gives the result', async () => {
    const { seen, run } = work(1000)
    await expect(runInSlices(run())).resolves.toBe('done')
    expect(seen).toEqual({ steps: 1000, cleanedUp: 1 })
  })

  it('gives the event loop its turns during long work', async () => {
    const { run } = work(40, 1)
    expect(await turnsDuring(runInSlices(run()))).toBeGreaterThanOrEqual(5)
  })

  it('holds the event loop for no longer than a slice and a step', async () => {
    const { run } = work(100, 1)
    const stepsBetweenTurns: number[] = []
    let steps = 0
    function* counted(): Generator<void, void> {
      for (const _ of run()) {
        steps += 1
        yield
      }
    }
    let over = false
    const ended = runInSlices(counted()).finally(() => {
      over = true
    })
    while (!over) {
      const before = steps
      await nextTurn()
      stepsBetweenTurns.push(steps - before)
    }
    await ended
    // Each step takes at least 1 ms and a slice 4 ms.
    expect(Math.max(...stepsBetweenTurns)).toBeLessThanOrEqual(5)
  })

  it('does the work that fits into one slice before it returns', () => {
    const { seen, run } = work(3)
    void runInSlices(run())
    expect(seen).toEqual({ steps: 3, cleanedUp: 1 })
  })

  it('does nothing for a signal that is aborted already, and throws its reason', async () => {
    const { seen, run } = work(3)
    const reason = new Error('superseded')
    await expect(runInSlices(run(), AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(seen.steps).toBe(0)
  })

  it('stops between slices when it is aborted, throws the reason, and cleans up once', async () => {
    const { seen, run } = work(10_000, 1)
    const reason = new Error('superseded')
    const abort = new AbortController()
    const running = runInSlices(run(), abort.signal)
    abort.abort(reason)
    const stepsAtAbort = seen.steps
    await expect(running).rejects.toBe(reason)
    expect(seen).toEqual({ steps: stepsAtAbort, cleanedUp: 1 })
  })

  it('lets an abort after the end change nothing', async () => {
    const abort = new AbortController()
    const result = await runInSlices(work(3).run(), abort.signal)
    abort.abort()
    expect(result).toBe('done')
  })

  it('throws what the work throws, after the work cleaned up', async () => {
    const cause = new Error('bad rule')
    const trail: string[] = []
    function* run(): Generator<void, never> {
      try {
        yield
        throw cause
      } finally {
        trail.push('cleaned up')
      }
    }
    await expect(runInSlices(run())).rejects.toBe(cause)
    expect(trail).toEqual(['cleaned up'])
  })
})
