import { describe, expect, it, vi } from 'vitest'
import { LingeringClose } from '../../src/engine/client/http1/lingering-close.js'
import type { Exchange } from '../../src/engine/exchange.js'
import { InFlight } from '../../src/engine/in-flight.js'
import { ProxyError } from '../../src/model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../../src/model/limits.js'

function exchange() {
  const [end, cut] = [vi.fn(), vi.fn()]
  return { end, cut, exchange: { end, cut } as unknown as Exchange }
}

describe('requests in flight', () => {
  it('are waited for until the last has ended', async () => {
    const inFlight = new InFlight(DEFAULT_TIMEOUTS, new LingeringClose(DEFAULT_LIMITS))
    const [one, two] = [exchange().exchange, exchange().exchange]
    inFlight.add(one)
    inFlight.add(two)
    let idle = false
    const waiting = inFlight.idleWithin(10_000).then(() => {
      idle = true
    })
    inFlight.remove(one)
    await new Promise(setImmediate)
    expect([inFlight.size, idle]).toEqual([1, false])
    inFlight.remove(two)
    await waiting
    expect([inFlight.size, idle]).toEqual([0, true])
  })

  it('are waited for no longer than the limit', async () => {
    const inFlight = new InFlight(DEFAULT_TIMEOUTS, new LingeringClose(DEFAULT_LIMITS))
    inFlight.add(exchange().exchange)
    await inFlight.idleWithin(20)
    await inFlight.idleWithin(0)
    expect(inFlight.size).toBe(1)
  })

  it('take no time where there are none', async () => {
    const { exchange: gone } = exchange()
    const inFlight = new InFlight(DEFAULT_TIMEOUTS, new LingeringClose(DEFAULT_LIMITS))
    inFlight.add(gone)
    inFlight.remove(gone)
    await inFlight.idleWithin(1_000_000)
  })

  it('are ended together, those that are left: told why, then cut', () => {
    const inFlight = new InFlight(DEFAULT_TIMEOUTS, new LingeringClose(DEFAULT_LIMITS))
    const [one, two] = [exchange(), exchange()]
    inFlight.add(one.exchange)
    inFlight.add(two.exchange)
    inFlight.remove(one.exchange)
    const reason = new ProxyError('PROXY_CLOSED')
    inFlight.endAll(reason)
    expect(one.end).not.toHaveBeenCalled()
    expect(two.end).toHaveBeenCalledExactlyOnceWith(reason)
    expect(two.cut).toHaveBeenCalledExactlyOnceWith(reason)
  })
})
