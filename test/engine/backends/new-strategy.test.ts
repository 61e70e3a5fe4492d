import { type ProviderConfig, type StrategyFactory, validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { catchFatal } from '../../support/catch-uncaught.js'
import { httpGet } from '../../support/http-get.js'
import { routeTo, startNamed, startOpenEngine } from '../../support/live-engine.js'
import { eventually } from '../../support/next-event.js'

const withMethod = (document: ProviderConfig): ProviderConfig => {
  const { frontends, backends } = document
  return {
    frontends,
    backends: { pool: { servers: {}, ...backends['pool'], loadBalancer: { method: 'own' } } },
  }
}

describe('a strategy of the embedding application', () => {
  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
      'cannot be made: mine',
    ],
    [
      'rejects',
      async () => {
        throw new Error('mine')
      },
      'expected its factory to return a function',
    ],
    ['returns nothing', () => undefined, 'expected its factory to return a function'],
  ])(
    'whose factory %s refuses the document by the backend, and what served goes on',
    async (_what, make, why) => {
      const fatal = catchFatal()
      const own = make as unknown as StrategyFactory
      const [old, other] = [await startNamed('old'), await startNamed('new')]
      const { engine, port } = await startOpenEngine(routeTo(old), { strategies: { own } })
      await expect(engine.apply(withMethod(routeTo(other)))).rejects.toMatchObject({
        code: 'PROXY_CONFIG_INVALID',
        issues: [
          {
            path: 'backends["pool@static"].loadBalancer.method',
            message: expect.stringContaining(why),
          },
        ],
      })
      expect(await httpGet({ port })).toMatchObject({ status: 200, body: 'old' })
      expect(fatal).toEqual([])
    },
  )

  it('that throws keeps no connection to a server that is removed later', async () => {
    const own = (() => {
      throw new Error('mine')
    }) as StrategyFactory
    const [old, other] = [await startNamed('old'), await startNamed('new')]
    const { engine, port } = await startOpenEngine(routeTo(old), { strategies: { own } })
    await httpGet({ port })
    for (let time = 0; time < 5; time += 1) await engine.apply(withMethod(routeTo(old))).catch(() => {})
    expect(old.sockets.size).toBe(1)
    await engine.apply(routeTo(other))
    await eventually(() => old.sockets.size === 0, 'the connection to the removed server closes')
  })
})

it('a matcher whose factory answers by a promise refuses the document, and ends nothing', async () => {
  const fatal = catchFatal()
  const matchers = {
    Own: (async () => {
      throw new Error('mine')
    }) as never,
  }
  const document = { frontends: { web: { backend: 'b', rule: 'Own:x' } }, backends: { b: { servers: {} } } }
  expect(validateConfig(document, { matchers })).toMatchObject({
    issues: [{ path: 'frontends.web.rule', message: expect.stringContaining('return a function') }],
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(fatal).toEqual([])
})

it('documentFilter of an engine alone changes what apply gets', async () => {
  const { url } = await startNamed('one')
  const { engine, port } = await startOpenEngine(undefined, {
    documentFilter: (document) => {
      for (const frontend of Object.values(document.frontends ?? {}))
        if (frontend) frontend.whiteList = { sourceRange: ['10.0.0.0/8'] }
      return document
    },
  })
  await engine.apply(routeTo(url))
  expect(await httpGet({ port })).toMatchObject({ status: 403 })
})
