import { ProxyEngine } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  routeTo,
  routeWith,
  startEngine,
  startMisbehaving,
  startNamed,
  startServer,
} from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually } from '../support/next-event.js'

describe('an engine on a plain server', () => {
  it('sends requests where the client’s address and the host say', async () => {
    const [one, two, map] = await Promise.all(['one', 'two', 'map'].map((name) => startNamed(name)))
    const pool = (server: { url: string }) => ({ servers: { only: { url: server.url } } })
    const { port } = await startEngine({
      frontends: {
        one: { backend: 'one', rule: 'Host:www.baidu.com;ClientIP:127.0.1.0/24' },
        two: { backend: 'two', rule: 'Host:www.baidu.com;ClientIP:127.0.2.0/24' },
        map: { backend: 'map', rule: 'Host:map.baidu.com' },
      },
      backends: { one: pool(one!), two: pool(two!), map: pool(map!) },
    })
    const ask = async (host: string, from: string) => {
      const { status, body } = await httpGet({ port, host, from })
      return status === 200 ? body : status
    }
    expect(await ask('www.baidu.com', '127.0.1.7')).toBe('one')
    expect(await ask('www.baidu.com', '127.0.2.7')).toBe('two')
    expect(await ask('www.baidu.com', '127.0.3.7')).toBe(404)
    expect(await ask('MAP.baidu.com:8080', '127.0.3.7')).toBe('map')
  })

  it('believes trusted proxies, and nobody else, who asks', async () => {
    const server = await startNamed('one')
    const { port } = await startEngine(routeWith({ rule: 'ClientIP:198.51.100.0/24' }, server), {
      trustedProxies: ['127.0.2.0/24'],
    })
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    expect((await httpGet({ port, headers, from: '127.0.2.7' })).status).toBe(200)
    expect((await httpGet({ port, headers, from: '127.0.1.7' })).status).toBe(404)
  })

  it('answers for entry points by the handlers made for them', async () => {
    const config = routeWith({ entryPoints: ['internal'] }, await startNamed('one'))
    const { engine, port } = await startEngine(config)
    const internal = await startServer(engine.handlersFor('internal').handler)
    expect((await httpGet({ port })).status).toBe(404)
    expect((await httpGet({ port: internal.port })).body).toBe('one')
  })

  it('answers 500 where the host’s own matcher throws, and goes on', async () => {
    const matchers = {
      Odd:
        () =>
        ({ path }: { path: string }) => {
          if (path === '/odd') throw new Error('mine')
          return true
        },
    }
    const { port } = await startEngine(routeWith({ rule: 'Odd:x' }, await startNamed('one')), { matchers })
    expect((await httpGet({ port, path: '/odd' })).status).toBe(500)
    expect((await httpGet({ port })).body).toBe('one')
  })

  it.each([
    ['no HTTP at all\r\n\r\n'],
    ['HTTP/1.1 1000 OK\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\na b: x\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nx: a\x01b\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    [`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
    [''],
  ])('answers 502 to what is no response: %j', async (response) => {
    const server = await startMisbehaving((socket) => socket.end(response, 'latin1'))
    const { port } = await startEngine(routeTo(server.url))
    expect((await httpGet({ port })).status).toBe(502)
    expect((await httpGet({ port, method: 'POST', body: 'x' })).status).toBe(502)
  })
})

describe('a further try', () => {
  it('goes to another server, as often as attempts say', async () => {
    const good = await startNamed('good')
    const bad = [await refusingUrl(), await refusingUrl(), await refusingUrl()]
    for (const [attempts, statuses] of [
      [1, [502, 502, 502, 200]],
      [2, [502, 502, 200, 200]],
      [undefined, [502, 200, 200, 200]],
      [4, [200, 200, 200, 200]],
    ] as const) {
      const options = attempts === undefined ? {} : { retry: { attempts } }
      const got: number[] = []
      for (let first = 0; first < 4; first++) {
        const order = [...bad.slice(0, 3 - first), good, ...bad.slice(3 - first)]
        const { port } = await startEngine(routeTo(...order), options)
        got.push((await httpGet({ port })).status)
      }
      expect([attempts, got]).toEqual([attempts, statuses])
    }
  })

  it('is made after a reset for a GET, and not for a POST', async () => {
    const reset = await startMisbehaving((socket) => socket.resetAndDestroy())
    const good = await startNamed('good')
    for (const [method, status] of [
      ['GET', 200],
      ['POST', 502],
    ] as const) {
      const { engine, port } = await startEngine(routeTo(reset.url, good))
      const finished = recordFinished(engine)
      expect((await httpGet({ port, method })).status).toBe(status)
      await eventually(() => finished.length === 1, 'the report')
      expect(finished[0]).toMatchObject({
        retries: status === 200 ? 1 : 0,
        server: status === 200 ? 's2' : 's1',
      })
    }
  })

  it('is not made once a response has begun, nor after a limit', async () => {
    const half = await startMisbehaving((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    )
    const silent = await startMisbehaving(() => {})
    const good = await startNamed('good')
    const first = await startEngine(routeTo(half.url, good))
    await expect(httpGet({ port: first.port })).rejects.toThrow()
    const second = await startEngine(routeTo(silent.url, good), { timeouts: { responseHeadMs: 50 } })
    expect((await httpGet({ port: second.port })).status).toBe(504)
    expect(good.connections).toBe(0)
  })
})

describe('closing', () => {
  it('waits for requests under way, refuses new ones, then is done', async () => {
    let finish: (() => void) | undefined
    const server = await startServer((_req, res) => {
      finish = () => res.end('done')
    })
    const { engine, port } = await startEngine(routeTo(server))
    const answer = httpGet({ port })
    await eventually(() => finish !== undefined, 'the request arrives')
    const closing = engine.close({ drainMs: 10_000 })
    const refused = await httpGet({ port, headers: { accept: 'application/json' } })
    expect(refused.status).toBe(503)
    expect(JSON.parse(refused.body)).toMatchObject({ error: { code: 'PROXY_CLOSED' } })
    finish!()
    const { status, body, headers } = await answer
    expect([status, body, headers.connection]).toEqual([200, 'done', 'close'])
    await closing
    await expect(engine.apply(routeTo(server))).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })

  it('cuts what outlasts the limit', async () => {
    const server = await startServer((_req, res) => res.write('half'))
    const { engine, port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('half')
    await engine.close({ drainMs: 30 })
    expect(await client.untilClosed()).not.toMatch(/\r\n0\r\n/)
  })
})

it('explain before any configuration is PROXY_NOT_READY', () => {
  const facts = { method: 'GET', host: 'a', path: '/', query: '', headers: {}, clientAddress: '192.0.2.1' }
  expect(() => new ProxyEngine().explain(facts)).toThrow(expect.objectContaining({ code: 'PROXY_NOT_READY' }))
})

it('shows a host its handlers and events, and none of its parts', () => {
  const members = Object.getOwnPropertyNames(ProxyEngine.prototype)
  expect(Object.keys(new ProxyEngine())).toEqual(['events', 'handler', 'upgrade'])
  expect(members).toEqual(['constructor', 'handlersFor', 'generation', 'apply', 'explain', 'close'])
})
