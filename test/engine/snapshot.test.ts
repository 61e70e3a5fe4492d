import type { ServerResponse } from 'node:http'
import type { ProviderConfig, StrategyFactory } from 'switchover'
import { describe, expect, it } from 'vitest'
import { strategyTable } from '../../src/balancing/strategies.js'
import { RetryBudget } from '../../src/engine/backends/retry-budget.js'
import { ProxyEmitter } from '../../src/engine/events/proxy-emitter.js'
import { compileSnapshot, type Snapshot } from '../../src/engine/snapshot.js'
import { UpstreamNetworks } from '../../src/engine/upstream/upstream-networks.js'
import { Upstreams } from '../../src/engine/upstream/upstreams.js'
import { DEFAULT_TIMEOUTS } from '../../src/model/limits.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  routeTo,
  settled,
  startEngine,
  startMisbehaving,
  startNamed,
  startServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

describe('a request under way during a swap', () => {
  it('is answered by the server it was sent to, though that is in no configuration any more', async () => {
    const waiting: ServerResponse[] = []
    const old = await startServer((_req, res) => waiting.push(res))
    const { engine, port } = await startEngine(routeTo(old))
    const finished = recordFinished(engine)
    const answer = httpGet({ port })
    await eventually(() => waiting.length === 1, 'the request arrives')
    for (let time = 0; time < 3; time++) await engine.apply(routeTo(await startNamed(`new ${time}`)))
    expect((await httpGet({ port })).body).toBe('new 2')
    waiting[0]!.end('old')
    expect(await answer).toMatchObject({ status: 200, body: 'old' })
    await eventually(() => finished.length === 2, 'the reports')
    expect(finished.map(({ generation }) => generation).sort()).toEqual([1, 4])
  })

  it('goes to a further server of its own generation when the first fails', async () => {
    const waiting: { resetAndDestroy(): unknown }[] = []
    const failing = await startMisbehaving((socket) => waiting.push(socket))
    const second = await startNamed('second')
    const { engine, port } = await startEngine(routeTo(failing.url, second))
    const finished = recordFinished(engine)
    const answer = httpGet({ port })
    await eventually(() => waiting.length === 1, 'the request arrives')
    await engine.apply(routeTo(await startNamed('new')))
    expect((await httpGet({ port })).body).toBe('new')
    waiting[0]!.resetAndDestroy()
    expect(await answer).toMatchObject({ status: 200, body: 'second' })
    await eventually(() => finished.length === 2, 'the reports')
    expect(finished.find(({ retries }) => retries === 1)).toMatchObject({ generation: 1, server: 's2' })
    // Its generation is let go of with it.
    await eventually(() => second.sockets.size === 0, 'the connection to the retired server closes')
  })

  it('downloads to the end from a removed server', async () => {
    let res: ServerResponse | undefined
    const old = await startServer((_req, response) => {
      res = response
      response.write('first ')
    })
    const { engine, port } = await startEngine(routeTo(old))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: close')
    await client.until('first ')
    await engine.apply(routeTo(await startNamed('new')))
    expect(await settled(() => old.sockets.size)).toBe(1)
    res!.end('last')
    expect(await client.untilClosed()).toMatch(/first \r\n.*last\r\n0\r\n\r\n$/s)
    await eventually(() => old.sockets.size === 0, 'the connection closes after that')
  })

  it('uploads to the end to a removed server', async () => {
    let arrived = ''
    const old = await startServer((req, res) => {
      req.on('data', (chunk) => {
        arrived += chunk
      })
      req.on('end', () => res.end('thanks'))
    })
    const { engine, port } = await startEngine(routeTo(old))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6', 'Connection: close').send('one')
    await eventually(() => arrived === 'one', 'the first half')
    await engine.apply(routeTo(await startNamed('new')))
    client.send('two')
    expect(await client.untilClosed()).toContain('thanks')
    expect(arrived).toBe('onetwo')
  })
})

describe('a swap', () => {
  it('under constant load fails nothing, and every answer is of a generation that served', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => startNamed(name)))
    const { engine, port } = await startEngine(routeTo(servers[0]!))
    let running = true
    const bodies: string[] = []
    const load = Array.from({ length: 8 }, async () => {
      while (running) bodies.push((await httpGet({ port, method: 'POST', body: 'x' })).body)
    })
    for (let time = 1; time <= 60; time++) {
      await engine.apply(routeTo(servers[time % 3]!))
      const before = bodies.length
      await eventually(() => bodies.length > before, 'the load goes on')
    }
    running = false
    await Promise.all(load)
    expect([...new Set(bodies)].sort()).toEqual(['a', 'b', 'c'])
  })

  it('does not restart the rotation of a backend that stays as it is', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const config = (extra: string): ProviderConfig => ({
      frontends: {
        all: { backend: 'pool', rule: 'PathPrefix:/' },
        extra: { backend: 'pool', rule: `Host:${extra}` },
      },
      backends: { pool: { servers: { one: { url: one.url }, two: { url: two.url } } } },
    })
    const { engine, port } = await startEngine(config('v0'))
    const bodies: string[] = []
    for (let time = 1; time <= 6; time++) {
      bodies.push((await httpGet({ port })).body)
      await engine.apply(config(`v${time}`))
    }
    expect(bodies.join(' ')).toBe('one two one two one two')
  })

  it('that is given up half way gives back the servers it held', () => {
    const upstreams = new Upstreams({ timeouts: DEFAULT_TIMEOUTS, tls: {}, networks: new UpstreamNetworks() })
    const newBudget = () => new RetryBudget(0)
    const tools = {
      matchers: matcherTable(),
      middlewares: [],
      strategies: strategyTable(),
      upstreams,
      newBudget,
      addresses: { addressesOf: () => undefined },
      events: new ProxyEmitter(),
    }
    const url = 'http://127.0.0.1:1'
    const backends = new Map(['a', 'b'].map((name) => [name, { servers: { one: { url } } }]))
    const ours = upstreams.hold(url)
    const config = { frontends: new Map(), backends }
    const given = { generation: 1, config, partial: false }
    const steps = compileSnapshot(given, undefined, tools)
    expect(steps.next().done).toBe(false)
    steps.return({} as Snapshot)
    upstreams.release(ours)
    expect(upstreams.hold(url)).not.toBe(ours)
  })
})

describe('balancing', () => {
  async function tally(servers: ProviderConfig['backends'][string]['servers'], requests: number) {
    const { port } = await startEngine({
      frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
      backends: { pool: { servers } },
    })
    const counts: Record<string, number> = {}
    for (let time = 0; time < requests; time++) {
      const { status, body } = await httpGet({ port })
      const key = status === 200 ? body : String(status)
      counts[key] = (counts[key] ?? 0) + 1
    }
    return counts
  }

  it('follows the weights', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    expect(await tally({ a: { url: one.url, weight: 3 }, b: { url: two.url } }, 12)).toEqual({
      one: 9,
      two: 3,
    })
  })

  it('gives a server of weight 0 nothing', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    expect(await tally({ a: { url: one.url, weight: 0 }, b: { url: two.url } }, 4)).toEqual({ two: 4 })
  })

  it('answers 503 where no server is left', async () => {
    const one = await startNamed('one')
    expect(await tally({ a: { url: one.url, weight: 0 } }, 1)).toEqual({ 503: 1 })
    expect(await tally({}, 1)).toEqual({ 503: 1 })
  })

  it('can be the host’s own', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const last: StrategyFactory = (servers) => () => servers.at(-1)
    const { port } = await startEngine(
      {
        frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
        backends: {
          pool: { servers: { a: { url: one.url }, b: { url: two.url } }, loadBalancer: { method: 'last' } },
        },
      },
      { strategies: { last } },
    )
    expect((await httpGet({ port })).body).toBe('two')
    expect((await httpGet({ port })).body).toBe('two')
  })
})

describe('explain', () => {
  it('says which frontend, why, and which servers', async () => {
    const { engine } = await startEngine({
      frontends: {
        a: { backend: 'pool', rule: 'Host:a.test;Method:POST' },
        b: { backend: 'pool', rule: 'Host:a.test' },
      },
      backends: {
        pool: {
          servers: { one: { url: 'http://10.0.0.1:80/base', weight: 2 }, two: { url: 'http://10.0.0.2' } },
        },
      },
    })
    const facts = {
      method: 'GET',
      host: 'a.test',
      path: '/',
      query: '',
      headers: {},
      clientAddress: '192.0.2.1',
    }
    expect(engine.explain(facts)).toMatchObject({
      generation: 1,
      winner: { frontend: 'b@static', backend: 'pool@static' },
      refused: [{ frontend: 'a@static' }],
      servers: [
        { name: 'one', url: 'http://10.0.0.1:80/base', weight: 2 },
        { name: 'two', url: 'http://10.0.0.2', weight: 1 },
      ],
    })
    expect(engine.explain({ ...facts, host: 'b.test' })).toMatchObject({ generation: 1, servers: [] })
  })
})
