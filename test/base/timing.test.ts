import { afterEach, describe, expect, it, vi } from 'vitest'
import { jittered, pause, settledWithin } from '../../src/base/timing.js'

afterEach(() => {
  vi.useRealTimers()
})

describe('pause', () => {
  it('ends early with an abort, and does not reject', async () => {
    const stopped = new AbortController()
    const paused = pause(3_600_000, stopped.signal)
    stopped.abort()
    await expect(paused).resolves.toBeUndefined()
    await expect(pause(3_600_000, stopped.signal)).resolves.toBeUndefined()
  })

  it.each([0, -1, 1])('of %d ms ends', async (ms) => {
    await expect(pause(ms, new AbortController().signal)).resolves.toBeUndefined()
  })
})

describe('jittered', () => {
  it('stays within its share, and reaches both sides', () => {
    const drawn = Array.from({ length: 1_000 }, () => jittered(100, 0.1))
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(90)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(110)
    expect(drawn.some((ms) => ms < 98) && drawn.some((ms) => ms > 102)).toBe(true)
  })
})

describe('settledWithin', () => {
  it.each([
    ['resolves', async () => 1],
    ['rejects', () => Promise.reject(new Error('it failed'))],
  ])('ends with work that %s', async (_, work) => {
    await expect(settledWithin(work(), 3_600_000)).resolves.toBeUndefined()
  })

  it('ends at the limit, whatever the work does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let ended = false
    const waiting = settledWithin(new Promise(() => {}), 5_000).then(() => {
      ended = true
    })
    await vi.advanceTimersByTimeAsync(4_999)
    expect(ended).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await waiting
  })

  it.each([true, false])('keeps the process running: %j', async (keepsProcess) => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const waiting = settledWithin(Promise.resolve(), 3_600_000, keepsProcess)
    const timer = timers.mock.results[0]?.value as NodeJS.Timeout | undefined
    timers.mockRestore()
    expect(timer?.hasRef()).toBe(keepsProcess)
    await waiting
  })
})
