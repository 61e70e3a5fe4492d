import { ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/engine/exchange.js'
import { Retries } from '../../src/engine/retries.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startMisbehaving } from './live-engine.js'

const reset = new ProxyError('PROXY_CONNECT_FAILED')

function exchange(retries = 0): Exchange {
  return { facts: { method: 'GET' }, server: {}, retries, bodyUntouched: true } as unknown as Exchange
}

describe('retries', () => {
  it('are as many as attempts allow', () => {
    const retries = new Retries({ attempts: 3 })
    expect([0, 1, 2].map((before) => retries.spend(exchange(before), reset))).toEqual([true, true, false])
    expect(new Retries({ attempts: 1 }).spend(exchange(), reset)).toBe(false)
  })

  it('of a quiet proxy have a small reserve', () => {
    const retries = new Retries({ budget: 0 })
    const allowed = Array.from({ length: 100 }, () => retries.spend(exchange(), reset)).filter(Boolean)
    expect(allowed.length).toBeGreaterThanOrEqual(10)
    expect(allowed.length).toBeLessThan(20)
  })

  it('add no more than their share to the traffic', () => {
    const retries = new Retries({ budget: 0.2 })
    let allowed = 0
    for (let request = 0; request < 10_000; request++) {
      retries.save()
      if (retries.spend(exchange(), reset)) allowed += 1
    }
    expect(allowed).toBeGreaterThan(1_900)
    expect(allowed).toBeLessThan(2_200)
  })

  it('do not multiply an outage: a server that resets everything sees little more than what clients sent', async () => {
    const [one, two] = await Promise.all([
      startMisbehaving((socket) => void socket.resetAndDestroy()),
      startMisbehaving((socket) => void socket.resetAndDestroy()),
    ])
    const { port } = await startEngine(routeTo(one.url, two.url), { retry: { attempts: 10, budget: 0.1 } })
    for (let sent = 0; sent < 200; sent++) expect(await httpGet({ port })).toMatchObject({ status: 502 })
    // 200, a tenth of them, and the reserve of ten a second.
    expect(one.connections + two.connections).toBeLessThan(400)
  })
})
