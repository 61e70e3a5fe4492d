import type { EngineOptions, Frontend, RequestContext } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  routeWith,
  startEngine,
  startMisbehaving,
  startServer,
} from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually } from '../support/next-event.js'

/** A server that answers with what it was asked: the target, and the lines that tell of a changed path. */
function startTelling() {
  return startServer((req, res) => {
    req.resume()
    const headers = req.rawHeaders.flatMap((name, index) => {
      const isTold = index % 2 === 0 && /^x[-_](forwarded[-_]prefix|replaced[-_]path)$/i.test(name)
      return isTold ? [`${name}: ${req.rawHeaders[index + 1]}`] : []
    })
    res.end(JSON.stringify({ target: req.url, headers }))
  })
}

interface Sent {
  readonly path: string
  readonly headers?: Record<string, string | string[]>
  /** Behind the server's address. */
  readonly base?: string
  readonly options?: EngineOptions
}

/** What a server gets of a request. */
async function arrives(frontend: Partial<Frontend>, { path, headers = {}, base = '', options = {} }: Sent) {
  const server = await startTelling()
  const { port } = await startEngine(routeWith(frontend, `${server.url}${base}`), options)
  const { status, body } = await httpGet({ port, path, headers })
  expect(status).toBe(200)
  return JSON.parse(body) as { target: string; headers: string[] }
}

describe('a changed path', () => {
  it.each<[rule: string, path: string, target: string, headers: string[]]>([
    ['PathPrefixStrip:/api', '/api/users?page=2&all', '/users?page=2&all', ['X-Forwarded-Prefix: /api']],
    ['PathPrefixStrip:/api', '/api?page=2', '/?page=2', ['X-Forwarded-Prefix: /api']],
    ['PathPrefixStrip:/api', '/api/users?', '/users?', ['X-Forwarded-Prefix: /api']],
    ['PathPrefixStrip:/api', '/api/x?to=/api/../y', '/x?to=/api/../y', ['X-Forwarded-Prefix: /api']],
    ['PathPrefixStrip:/api', '/%61pi/a%2Fb;c//d', '/a%2Fb;c//d', ['X-Forwarded-Prefix: /api']],
    ['PathStrip:/health', '/health', '/', ['X-Forwarded-Prefix: /health']],
    ['PathPrefixStripRegex:/of/{who}/', '/of/me/x', '/x', ['X-Forwarded-Prefix: /of/me/']],
    ['AddPrefix:/v2', '/users?', '/v2/users?', []],
    ['ReplacePath:/closed', '/shop/cart?item=1', '/closed?item=1', ['X-Replaced-Path: /shop/cart']],
    ['ReplacePathRegex:^/old/(.*) /new/$1', '/old/x?y', '/new/x?y', ['X-Replaced-Path: /old/x']],
    ['ReplacePathRegex:^/old/(.*) /new/$1', '/older?y', '/older?y', []],
    [
      'PathPrefixStrip:/out;AddPrefix:/in;ReplacePath:/end',
      '/out/x',
      '/end',
      ['X-Forwarded-Prefix: /out', 'X-Replaced-Path: /in/x'],
    ],
    // What is left climbs to the root at most.
    ['PathPrefixStrip:/static', '/static../secret?x', '/secret?x', ['X-Forwarded-Prefix: /static']],
    ['PathPrefixStrip:/static', '/static..', '/', ['X-Forwarded-Prefix: /static']],
    ['PathPrefixStrip:/static', '/static%2e%2e/a/b', '/a/b', ['X-Forwarded-Prefix: /static']],
  ])('by %s of %s arrives as %s', async (rule, path, target, headers) => {
    expect(await arrives({ rule }, { path })).toEqual({ target, headers })
  })

  it.each([
    ['PathPrefixStrip:/api', '/api/users?x', '/base/users?x'],
    ['PathPrefixStrip:/api', '/api', '/base/'],
    ['AddPrefix:/v2', '/users', '/base/v2/users'],
    ['ReplacePath:/closed', '/shop', '/base/closed'],
    ['PathPrefixStrip:/static', '/static../secret', '/base/secret'],
  ])('by %s of %s stands behind the path of the server: %s', async (rule, path, target) => {
    expect((await arrives({ rule }, { path, base: '/base' })).target).toBe(target)
  })

  it('may come of several routes', async () => {
    const routes = { cut: { rule: 'PathPrefixStrip:/api' }, add: { rule: { addPrefix: '/v2' } } }
    const config = routeWith({}, await startTelling())
    const { port } = await startEngine({ ...config, frontends: { all: { backend: 'pool', routes } } })
    expect(JSON.parse((await httpGet({ port, path: '/api/users?x' })).body).target).toBe('/v2/users?x')
  })
})

describe('what a server is told of it', () => {
  const forged = {
    'X-Forwarded-Prefix': '/forged',
    'X-Replaced-Path': '/forged',
    X_Forwarded_Prefix: '/forged',
    x_replaced_path: '/forged',
  }

  it.each([
    ['changes nothing', 'PathPrefix:/', '/api/users', []],
    ['cuts', 'PathPrefixStrip:/api', '/users', ['X-Forwarded-Prefix: /api']],
    ['replaces', 'ReplacePath:/closed', '/closed', ['X-Replaced-Path: /api/users']],
  ])('is never what a stranger says: a frontend that %s', async (_what, rule, target, headers) => {
    expect(await arrives({ rule }, { path: '/api/users', headers: forged })).toEqual({ target, headers })
  })

  it('is never hidden by a Connection header that names it', async () => {
    const rule = 'PathPrefixStrip:/api;ReplacePath:/end'
    const headers = { Connection: 'X-Forwarded-Prefix, x-replaced-path, close' }
    expect((await arrives({ rule }, { path: '/api/users', headers })).headers).toEqual([
      'X-Forwarded-Prefix: /api',
      'X-Replaced-Path: /users',
    ])
  })

  it('stands behind what a trusted proxy has cut before', async () => {
    const options = { trustedProxies: ['127.0.0.1'] }
    const headers = { 'X-Forwarded-Prefix': '/outer' }
    const got = await arrives({ rule: 'PathPrefixStrip:/api' }, { path: '/api/users', headers, options })
    expect(got.headers).toEqual(['X-Forwarded-Prefix: /outer', 'X-Forwarded-Prefix: /api'])
  })
})

describe('the changed path', () => {
  it('is kept when the request goes to another server', async () => {
    const [server, nobody] = [await startTelling(), await refusingUrl()]
    const { port, engine } = await startEngine(
      routeWith({ rule: 'PathPrefixStrip:/api' }, `${nobody}/none`, `${server.url}/base`),
    )
    const finished = recordFinished(engine)
    const expected = { target: '/base/users?x', headers: ['X-Forwarded-Prefix: /api'] }
    for (let time = 1; time <= 2; time++) {
      expect(JSON.parse((await httpGet({ port, path: '/api/users?x' })).body)).toEqual(expected)
      await eventually(() => finished.length === time, 'the report')
    }
    expect(finished.map(({ retries }) => retries).toSorted()).toEqual([0, 1])
  })

  it('is that of a WebSocket as well', async () => {
    const server = await startMisbehaving((socket) =>
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello',
      ),
    )
    const { port } = await startEngine(routeWith({ rule: 'PathPrefixStrip:/chat' }, `${server.url}/base`))
    const client = await openRaw(port)
    client.sendHead(
      'GET /chat/room?who=me HTTP/1.1',
      'Host: a.test',
      'Connection: Upgrade, X-Forwarded-Prefix',
      'Upgrade: websocket',
      'X-Forwarded-Prefix: /forged',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    )
    await client.until('hello')
    expect(server.received[0]).toMatch(/^GET \/base\/room\?who=me HTTP\/1\.1\r\n/)
    expect(server.received[0]?.match(/^x-forwarded-prefix: .*$/gim)).toEqual(['X-Forwarded-Prefix: /chat'])
  })

  it('is not what hooks, reports and rules see: that is the one asked for', async () => {
    const seen: unknown[] = []
    const onRequest = ({ facts, headers }: RequestContext) => {
      seen.push([facts.path, facts.query, headers.get('x-forwarded-prefix'), headers.get('x-replaced-path')])
    }
    const config = routeWith({ rule: 'PathPrefixStrip:/api;ReplacePath:/end' }, await startTelling())
    const { port, engine } = await startEngine(config, { onRequest })
    const finished = recordFinished(engine)
    await httpGet({ port, path: '/x/../api/users?page=2' })
    expect(seen).toEqual([['/api/users', 'page=2', '/api', '/users']])
    await eventually(() => finished.length === 1, 'the report')
    expect(finished[0]).toMatchObject({ path: '/api/users', status: 200 })
  })

  it('is told by headers that a hook may still change', async () => {
    const onRequest = ({ headers }: RequestContext) => headers.set('X-Forwarded-Prefix', '/by-hook')
    const got = await arrives({ rule: 'PathPrefixStrip:/api' }, { path: '/api/x', options: { onRequest } })
    expect(got).toEqual({ target: '/x', headers: ['X-Forwarded-Prefix: /by-hook'] })
  })
})
