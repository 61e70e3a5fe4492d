import { ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/engine/exchange.js'
import { Retries } from '../../src/engine/retries.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startMisbehaving, startNamed } from './live-engine.js'

const reset = new ProxyError('PROXY_UPSTREAM_RESET')

function exchange(retries = 0, sent = true): Exchange {
  const facts = { method: 'GET' }
  return { facts, server: {}, retries, bodyUntouched: true, newest: { sent } } as unknown as Exchange
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

  it('of what no server can have had add nothing: one dead server of two costs no client anything', async () => {
    const retries = new Retries({ budget: 0 })
    const refused = new ProxyError('PROXY_CONNECT_FAILED')
    for (let request = 0; request < 100; request++)
      expect(retries.spend(exchange(0, false), refused)).toBe(true)
    expect(retries.spend(exchange(2, false), refused)).toBe(false)
    expect(retries.spend(exchange(), reset)).toBe(true)

    const { port } = await startEngine(routeTo('http://127.0.0.1:1', await startNamed('well')))
    const answers = await Promise.all(Array.from({ length: 200 }, () => httpGet({ port })))
    expect(answers.filter(({ body }) => body !== 'well')).toEqual([])
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
