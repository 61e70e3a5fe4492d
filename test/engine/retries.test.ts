import { ProxyError, type RetryOptions } from 'switchover'
import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/engine/exchange.js'
import { Retries } from '../../src/engine/retries.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startMisbehaving, startNamed } from '../support/live-engine.js'

const reset = new ProxyError('PROXY_UPSTREAM_RESET')

/** Asks for retries of one backend, as its exchanges would. */
function askerOf(options: RetryOptions) {
  const retries = new Retries(options)
  const retryBudget = retries.newBudget()
  const exchangeOf = (newest: object, made: number, method = 'GET') =>
    ({
      routed: { facts: { method }, backend: { retryBudget } },
      tries: { server: {}, newest, retries: made },
      bodyUntouched: true,
    }) as unknown as Exchange
  const spend = (error: ProxyError, made = 0, sent = true) => {
    return retries.allow(exchangeOf({ sent }, made), error) !== undefined
  }
  const askWith = (newest: object, method = 'GET', made = 0) => {
    return retries.allow(exchangeOf(newest, made, method), reset)
  }
  return { spend, askWith, save: () => retryBudget.save(), retryBudget }
}

describe('retries', () => {
  it('are as many as attempts allow', () => {
    const { spend } = askerOf({ attempts: 3 })
    expect([0, 1, 2].map((before) => spend(reset, before))).toEqual([true, true, false])
    expect(askerOf({ attempts: 1 }).spend(reset)).toBe(false)
  })

  it('are free on a connection that stood and died without a byte of a response; others spend', () => {
    const { askWith } = askerOf({ attempts: 3, budget: 0 })
    for (let request = 0; request < 100; request++)
      expect(askWith({ sent: true, isOnStale: true })).toBe('free')
    expect(askWith({ sent: true, isOnStale: false })).not.toBe('free')
    expect(askWith({ sent: true, isOnStale: true }, 'POST')).toBeUndefined()
    expect(askWith({ sent: true, isOnStale: true }, 'GET', 2)).toBeUndefined()
  })

  it('of a quiet proxy have a small reserve', () => {
    const { spend } = askerOf({ budget: 0 })
    const allowed = Array.from({ length: 100 }, () => spend(reset)).filter(Boolean)
    expect(allowed.length).toBeGreaterThanOrEqual(10)
    expect(allowed.length).toBeLessThan(20)
  })

  it('that could not be made are given back', () => {
    const { spend, retryBudget } = askerOf({ budget: 0 })
    for (let request = 0; request < 100; request++) {
      expect(spend(reset)).toBe(true)
      retryBudget.giveBack()
    }
  })

  it('add no more than their share to the traffic', () => {
    const { spend, save } = askerOf({ budget: 0.2 })
    let allowed = 0
    for (let request = 0; request < 10_000; request++) {
      save()
      if (spend(reset)) allowed += 1
    }
    expect(allowed).toBeGreaterThan(1_900)
    expect(allowed).toBeLessThan(2_200)
  })

  it('of one backend are not taken from another', async () => {
    const cutting = await startMisbehaving((socket) => void socket.resetAndDestroy())
    const { engine, port } = await startEngine(undefined, { retry: { budget: 0 } })
    await engine.apply({
      frontends: {
        bad: { backend: 'bad', rule: 'PathPrefix:/bad' },
        mixed: { backend: 'mixed', rule: 'PathPrefix:/mixed' },
      },
      backends: {
        bad: { servers: { a: { url: cutting.url }, b: { url: cutting.url } } },
        mixed: { servers: { a: { url: cutting.url }, b: { url: (await startNamed('well')).url } } },
      },
    })
    for (let sent = 0; sent < 50; sent++) await httpGet({ port, path: '/bad' })
    for (let sent = 0; sent < 4; sent++)
      expect(await httpGet({ port, path: '/mixed' })).toMatchObject({ body: 'well' })
  })

  it('of what no server can have had add nothing: one dead server of two costs no client anything', async () => {
    const { spend } = askerOf({ budget: 0 })
    const refused = new ProxyError('PROXY_CONNECT_FAILED')
    for (let request = 0; request < 100; request++) expect(spend(refused, 0, false)).toBe(true)
    expect(spend(refused, 2, false)).toBe(false)
    expect(spend(reset)).toBe(true)

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
