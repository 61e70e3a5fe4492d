import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CircuitBreaker } from '../../../src/engine/backends/circuit-breaker.js'

describe('a circuit breaker', () => {
  const states: string[] = []
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
    states.length = 0
  })
  afterEach(() => vi.useRealTimers())

  const make = () =>
    new CircuitBreaker(
      { expression: 'NetworkErrorRatio() > 0.5', fallbackDuration: 10, recoveryDuration: 10 },
      (state) => states.push(state),
    )

  /** Returns the share of a thousand requests that the breaker lets pass. */
  function passing(breaker: CircuitBreaker): number {
    let passed = 0
    for (let nth = 0; nth < 1_000; nth++) {
      try {
        breaker.check()
        passed += 1
      } catch {}
    }
    return passed / 1_000
  }

  it('lets all through on standby, none when tripped, and more and more as it recovers', () => {
    const breaker = make()
    vi.advanceTimersByTime(1_000)
    expect(passing(breaker)).toBe(1)
    for (let nth = 0; nth < 10; nth++) {
      breaker.count(undefined, 1)
      vi.advanceTimersByTime(101)
    }
    expect(states).toEqual(['tripped'])
    expect(passing(breaker)).toBe(0)
    vi.advanceTimersByTime(8_000)
    expect(passing(breaker)).toBe(0)
    vi.advanceTimersByTime(2_000)
    passing(breaker)
    expect(states).toEqual(['tripped', 'recovering'])
    for (const share of [0.25, 0.5, 0.75]) {
      vi.advanceTimersByTime(2_500)
      expect(Math.abs(passing(breaker) - share)).toBeLessThan(0.08)
    }
    vi.advanceTimersByTime(2_600)
    expect(passing(breaker)).toBe(1)
    expect(states).toEqual(['tripped', 'recovering', 'standby'])
  })

  it('forgets what is older than ten seconds', () => {
    const breaker = make()
    vi.advanceTimersByTime(1_000)
    breaker.count(200, 1)
    breaker.count(undefined, 1)
    vi.advanceTimersByTime(11_000)
    for (let nth = 0; nth < 20; nth++) {
      breaker.count(200, 1)
      vi.advanceTimersByTime(150)
    }
    expect(states).toEqual([])
  })
})
