import type { ServerResponse } from 'node:http'
import { type ConfigChanged, type ProviderConfig, ProxyEngine, ProxyError } from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Upstream } from '../../src/engine/upstream/upstream.js'
import { UpstreamNetworks } from '../../src/engine/upstream/upstream-networks.js'
import { Upstreams } from '../../src/engine/upstream/upstreams.js'
import { DEFAULT_TIMEOUTS } from '../../src/model/limits.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startNamed, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

function manyFrontends(count: number, backends: ProviderConfig['backends']): ProviderConfig {
  const frontends: Record<string, { backend: string; rule: string }> = {}
  for (let index = 0; index < count; index++)
    frontends[`f${index}`] = { backend: 'pool', rule: `Host:h${index}.test` }
  return { frontends, backends }
}

describe('apply', () => {
  it('tells what changed, once it serves', async () => {
    const { engine, port } = await startEngine()
    const told: ConfigChanged[] = []
    engine.events.on('configChanged', (event) => {
      expect(engine.generation).toBe(event.generation)
      told.push(event)
    })
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    await engine.apply({ ...routeTo(one), version: 'v1' })
    const second = routeTo(two)
    await engine.apply({
      version: 'v2',
      frontends: { ...second.frontends, more: { backend: 'pool', rule: 'Path:/more' } },
      backends: second.backends,
    })
    await engine.apply({ frontends: {}, backends: {} }, { provider: 'file', verified: false })
    expect((await httpGet({ port })).status).toBe(404)
    const steps = { compile: expect.any(Number), swap: expect.any(Number) }
    const none = { added: [], removed: [], changed: [] }
    expect(told).toEqual([
      {
        generation: 1,
        provider: 'static',
        version: 'v1',
        verified: true,
        changes: {
          frontends: { ...none, added: ['all@static'] },
          backends: { ...none, added: ['pool@static'] },
        },
        steps,
        warnings: [],
      },
      {
        generation: 2,
        provider: 'static',
        version: 'v2',
        verified: true,
        changes: {
          frontends: { ...none, added: ['more@static'] },
          backends: { ...none, changed: ['pool@static'] },
        },
        steps,
        warnings: [],
      },
      {
        generation: 3,
        provider: 'file',
        verified: false,
        changes: {
          frontends: { ...none, removed: ['all@static', 'more@static'] },
          backends: { ...none, removed: ['pool@static'] },
        },
        steps,
        warnings: [],
      },
    ])
  })

  it('of what serves already is quiet', async () => {
    const one = await startNamed('one')
    const { engine } = await startEngine(routeTo(one))
    const told = vi.fn()
    engine.events.on('configChanged', told)
    expect(await engine.apply(structuredClone(routeTo(one)))).toEqual({ generation: 1 })
    expect(told).not.toHaveBeenCalled()
    expect(await engine.apply({ ...routeTo(one), version: 'v2' })).toEqual({ generation: 2 })
    expect(told).toHaveBeenCalledTimes(1)
  })

  it('refuses what is wrong with all issues, and what serves goes on', async () => {
    const { engine, port } = await startEngine(routeTo(await startNamed('one')))
    const told = vi.fn()
    engine.events.on('configChanged', told)
    const refused = await engine
      .apply({
        frontends: {
          a: { backend: 'nobody', rule: 'Path:/' },
          b: { backend: 'pool', rule: 'Hots:x' },
          c: { backend: 'pool@elsewhere', rule: 'ClientIP:10.0.0.0/33' },
        },
        backends: { pool: { servers: { one: { url: 'ftp://10.0.0.1' } } } },
      })
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ProxyError)
    expect(refused).toMatchObject({ code: 'PROXY_CONFIG_INVALID', source: 'config' })
    const paths = (refused as ProxyError).issues.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining([
        'frontends.a.backend',
        'frontends.b.rule',
        'frontends.c.rule',
        'backends.pool.servers.one.url',
      ]),
    )
    expect([engine.generation, (await httpGet({ port })).body]).toEqual([1, 'one'])
    expect(told).not.toHaveBeenCalled()
  })

  it('refuses a backend of another provider that is not there', async () => {
    const { engine } = await startEngine()
    await expect(
      engine.apply({ frontends: { a: { backend: 'pool@file', rule: 'Path:/' } }, backends: {} }),
    ).rejects.toMatchObject({ code: 'PROXY_CONFIG_INVALID', issues: [{ code: 'MISSING_BACKEND' }] })
    expect(engine.generation).toBe(0)
  })

  it('lets the newest win: an older one that is still compiled is given up', async () => {
    const { engine, port } = await startEngine()
    const told: number[] = []
    engine.events.on('configChanged', ({ generation }) => told.push(generation))
    const outcomes = await Promise.allSettled([
      engine.apply(manyFrontends(20_000, { pool: { servers: {} } })),
      engine.apply(manyFrontends(10_000, { pool: { servers: {} } })),
      engine.apply(routeTo(await startNamed('newest'))),
    ])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'PROXY_CONFIG_SUPERSEDED' } },
      { status: 'rejected', reason: { code: 'PROXY_CONFIG_SUPERSEDED' } },
      { status: 'fulfilled', value: { generation: 1 } },
    ])
    expect(told).toEqual([1])
    expect((await httpGet({ port })).body).toBe('newest')
  })

  it('of 20,000 frontends lets the process do other things meanwhile', async () => {
    const one = await startNamed('one')
    const { engine, port } = await startEngine(routeTo(one))
    let turns = 0
    let answered = 0
    let applying = true
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    onTestFinished(() => clearInterval(timer))
    const load = (async () => {
      while (applying) {
        if ((await httpGet({ port })).status === 200) answered += 1
      }
    })()
    const { frontends, backends } = routeTo(one)
    const many = manyFrontends(20_000, backends)
    await engine.apply({ frontends: { ...many.frontends, ...frontends }, backends })
    applying = false
    await load
    expect(turns).toBeGreaterThan(5)
    expect(answered).toBeGreaterThan(2)
    expect((await httpGet({ port, host: 'h19999.test' })).body).toBe('one')
  })

  it('gives up what is being applied', async () => {
    const engine = new ProxyEngine()
    const applying = engine.apply(manyFrontends(20_000, { pool: { servers: {} } }))
    const outcome = Promise.allSettled([applying])
    await engine.close()
    expect(await outcome).toMatchObject([{ reason: { code: 'PROXY_CLOSED' } }])
    expect(engine.generation).toBe(0)
  })
})

describe('a server that a switch leaves out', () => {
  it('loses its idle connections at once, though a request of that generation waits elsewhere', async () => {
    const idle = await startNamed('idle')
    const waiting: ServerResponse[] = []
    const slow = await startServer((_req, res) => waiting.push(res))
    const both = (...names: string[]): ProviderConfig => ({
      frontends: Object.fromEntries(
        names.map((name) => [name, { backend: name, rule: `PathPrefix:/${name}` }]),
      ),
      backends: { idle: { servers: { s: { url: idle.url } } }, slow: { servers: { s: { url: slow.url } } } },
    })
    const { engine, port } = await startEngine(both('idle', 'slow'))
    await httpGet({ port, path: '/idle' })
    const held = httpGet({ port, path: '/slow' })
    await eventually(() => waiting.length === 1 && idle.sockets.size === 1, 'one is idle, one under way')
    await engine.apply({ ...both('slow'), backends: { slow: { servers: { s: { url: slow.url } } } } })
    await eventually(() => idle.sockets.size === 0, 'the idle connection is closed')
    expect(waiting[0]?.writableEnded).toBe(false)
    waiting[0]?.end('done')
    expect(await held).toMatchObject({ status: 200, body: 'done' })
  })

  it('serves those that still pick it, over new connections', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const upstreams = new Upstreams({ timeouts: DEFAULT_TIMEOUTS, tls: {}, networks: new UpstreamNetworks() })
    onTestFinished(() => upstreams.destroy())
    const upstream = upstreams.hold(one.url)
    upstreams.hold(two.url)
    upstreams.leave(upstream)
    expect(await answerOf(upstream)).toBe(200)
    upstreams.release(upstream)
    await eventually(() => one.sockets.size === 0, 'its last connection is closed')
  })
})

function answerOf(upstream: Upstream): Promise<number> {
  const request = { method: 'GET', path: '/', headers: ['host', 'a'], body: null, upgrade: null }
  return new Promise((resolve, reject) => {
    let status = 0
    upstream.dispatch(request, {
      onRequestStart() {},
      onResponseStart: (_controller, code) => {
        status = code
      },
      onResponseData() {},
      onResponseEnd: () => resolve(status),
      onResponseError: reject,
      onRequestUpgrade() {},
    })
  })
}
