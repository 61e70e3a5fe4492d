import { AssertionError } from 'node:assert'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type ProviderConfig, ProxyEngine, ProxyError, Router } from 'switchover'
import { assertRoutes, factsOf, type RouteExpectation, requestTo } from 'switchover/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

const config: Pick<ProviderConfig, 'frontends'> = {
  frontends: {
    office: { backend: 'admin', rule: 'Host:admin.test;ClientIP:10.0.0.0/8', priority: 50 },
    others: { backend: 'sorry', rule: 'Host:admin.test', whiteList: { sourceRange: ['192.0.2.0/24'] } },
    api: { backend: 'api', rule: 'PathPrefixStrip:/api' },
    one: { backend: 'one', rule: 'Path:/one' },
    inside: { backend: 'inside', rule: 'PathPrefix:/inside', entryPoints: ['internal'] },
  },
}

describe('factsOf', () => {
  it.each([
    [
      'http://Admin.Test:8080/a/../b?c=d&e',
      { host: 'admin.test', path: '/b', query: 'c=d&e', headers: { host: 'Admin.Test:8080' } },
    ],
    ['https://a.test', { host: 'a.test', path: '/', query: '', headers: { host: 'a.test' } }],
    ['ws://a.test?x', { host: 'a.test', path: '/', query: 'x', headers: { host: 'a.test' } }],
    [
      'http://bücher.test/',
      { host: 'xn--bcher-kva.test', path: '/', query: '', headers: { host: 'xn--bcher-kva.test' } },
    ],
    ['http://[::1]:80/%61%2F', { host: '[::1]', path: '/a%2F', query: '', headers: { host: '[::1]:80' } }],
    ['/path', { host: '', path: '/path', query: '' }],
  ])('makes of %s what a proxy would', (url, expected) => {
    const rest = { method: 'GET', headers: {}, clientAddress: '192.0.2.1' }
    expect(factsOf(url)).toEqual({ ...rest, ...expected })
  })

  it('takes all else by name', () => {
    const options = { clientAddress: '::1', method: 'PUT', headers: { 'X-A': ['1', '2'] }, entryPoint: 'web' }
    expect(factsOf('/', options)).toEqual({
      ...{ host: '', path: '/', query: '', method: 'PUT', headers: { 'x-a': ['1', '2'] } },
      ...{ clientAddress: '::1', entryPoint: 'web' },
    })
  })

  it.each([
    '',
    'a.test',
    'ftp://a.test/',
    'http://',
    'http:///x',
    '/x#y',
    'http://u:p@a.test/',
    '/a b',
    '/é',
    undefined,
    7,
  ])('refuses %j', (url) => {
    expect(() => factsOf(url as string)).toThrow(TypeError)
  })

  it.each(['10.0.0.300', 'localhost', 'unknown', '10.0.0.1:80'])(
    'refuses a client at %j',
    (clientAddress) => {
      expect(() => factsOf('/', { clientAddress })).toThrow(TypeError)
    },
  )

  it.each([
    ['', ''],
    ['2001:0DB8:0::1%eth0', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
  ])('takes a client at %j, as %j', (clientAddress, expected) => {
    expect(factsOf('/', { clientAddress }).clientAddress).toBe(expected)
  })

  it('refuses an option that there is not', () => {
    expect(() => factsOf('/', { clientIp: '::1' } as object)).toThrow(ProxyError)
  })
})

describe('assertRoutes', () => {
  const right: RouteExpectation[] = [
    { url: 'http://admin.test/', clientAddress: '10.1.1.1', frontend: 'office', backend: 'admin', path: '/' },
    { url: 'http://admin.test/', frontend: 'others', forbidden: false },
    { url: 'http://admin.test/', clientAddress: '203.0.113.1', frontend: 'others', forbidden: true },
    { url: '/api/users?x', frontend: 'api', path: '/users' },
    { url: '/one', frontend: 'one' },
    { url: '/inside', entryPoint: 'internal', backend: 'inside' },
    { url: '/inside', frontend: null },
  ]

  it('says nothing where requests go where they should', () => {
    assertRoutes(config, right)
    assertRoutes(Router.compile(config), right)
  })

  it('knows where clients are sent', () => {
    const sentOn = [{ url: '/one/?x=1', frontend: 'one', redirectedTo: '/one?x=1' }]
    assertRoutes(config, sentOn, { keepTrailingSlash: false })
    expect(() => assertRoutes(config, sentOn)).toThrow(
      'frontend none, not "one"; redirectedTo none, not "/one?x=1"',
    )
  })

  it('names every row that goes elsewhere, and why', () => {
    const wrong = [
      { url: 'http://admin.test/', frontend: 'office' },
      { url: '/api/x', path: '/api/x' },
      { url: '/nothing', backend: 'one' },
    ]
    const attempt = () => assertRoutes(config, [...right, ...wrong])
    expect(attempt).toThrow(AssertionError)
    expect(attempt).toThrow(/^3 of 10 requests went elsewhere\n/)
    expect(attempt).toThrow('GET http://admin.test/ from 192.0.2.1: frontend "others", not "office"')
    expect(attempt).toThrow('office does not match: ClientIP:10.0.0.0/8')
    expect(attempt).toThrow('GET /api/x from 192.0.2.1: path "/x", not "/api/x"')
    expect(attempt).toThrow('GET /nothing from 192.0.2.1: backend none, not "one"')
  })

  it.each([
    [[{ url: '/' }], /row 1: expected one of frontend, backend/],
    [
      [{ url: '/', frontned: 'x' }],
      /row 1: there is no option frontned; the nearest known one is "frontend"/,
    ],
    [[], /at least one row/],
    [undefined, /at least one row/],
    [[{ frontend: 'x' }], /expected a URL/],
  ])('refuses a table that says nothing: %j', (table, message) => {
    expect(() => assertRoutes(config, table as RouteExpectation[])).toThrow(message)
  })

  it('does not pass for a server what gets 403 or is sent on', () => {
    const kept = [{ url: 'http://admin.test/', clientAddress: '203.0.113.1', frontend: 'others' }]
    expect(() => assertRoutes(config, kept)).toThrow('forbidden true, not false')
    const sentOn = [{ url: '/one/', frontend: 'one' }]
    expect(() => assertRoutes(config, sentOn, { keepTrailingSlash: false })).toThrow(
      'redirectedTo "/one", not none',
    )
  })

  it('says of a frontend that is expected what became of it', () => {
    const expecting = (frontend: string) => () =>
      assertRoutes(config, [{ url: 'http://admin.test/', frontend }])
    expect(expecting('api')).toThrow('api does not match: PathPrefixStrip:/api')
    expect(expecting('nope')).toThrow('there is no frontend "nope"')
  })

  it.each<[string, object]>([
    ['a field that there is not', { whitelist: { sourceRange: ['::1'] } }],
    ['a field that is not built', { auth: { basic: {} } }],
    ['a priority that is a text', { priority: '50' }],
    ['two forms of rules', { routes: { a: { rule: 'Path:/' } } }],
  ])('takes no document that a proxy would refuse: %s', (_what, field) => {
    const frontends = { a: { backend: 'b', rule: 'Path:/', ...field } }
    expect(() => assertRoutes({ frontends }, [{ url: '/', frontend: 'a' }])).toThrow(
      expect.objectContaining({ code: 'PROXY_CONFIG_INVALID' }),
    )
  })

  it('knows which backends there are, if it is told', () => {
    const frontends = { a: { backend: 'b', rule: 'Path:/' } }
    expect(() => assertRoutes({ frontends, backends: {} }, [{ url: '/', frontend: 'a' }])).toThrow(
      expect.objectContaining({ code: 'PROXY_CONFIG_INVALID' }),
    )
  })

  it('takes no options beside a router, which has its own', () => {
    const router = Router.compile(config)
    expect(() => assertRoutes(router, right, { keepTrailingSlash: false })).toThrow(TypeError)
  })

  it('throws for rules that are wrong, with all issues', () => {
    const broken = { frontends: { a: { backend: 'b', rule: 'Hots:a' } } }
    expect(() => assertRoutes(broken, right)).toThrow(
      expect.objectContaining({ code: 'PROXY_CONFIG_INVALID' }),
    )
  })
})

describe('requestTo', () => {
  const frontends = {
    closed: {
      backend: 'none',
      rule: 'Path:/closed',
      priority: 99,
      whiteList: { sourceRange: ['10.0.0.0/8'] },
    },
    all: { backend: 'app', rule: 'PathPrefix:/' },
  }

  async function serve() {
    const server = createServer((req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk) => chunks.push(chunk))
      req.on('end', () => {
        if (req.url === '/broken')
          return void res.writeHead(200, { 'Content-Length': 9 }).write('half', () => res.destroy())
        res.writeHead(req.url === '/empty' ? 204 : 200, { 'Set-Cookie': ['a=1', 'b=2'] })
        res.end(
          req.url === '/empty' ? '' : `${req.method} ${req.url} ${req.headers.host} ${Buffer.concat(chunks)}`,
        )
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const servers = { one: { url: `http://127.0.0.1:${port}` } }
    const proxy = createProxy({
      config: { frontends, backends: { app: { servers }, none: { servers: {} } } },
    })
    onTestFinished(async () => {
      await proxy.close()
      server.close()
      server.closeAllConnections()
    })
    await proxy.ready()
    return proxy
  }

  it('gives what the client would get, without a socket', async () => {
    const proxy = await serve()
    const response = await requestTo(proxy, 'http://a.test/x?y', { method: 'POST', body: 'hello' })
    expect([response.status, await response.text()]).toEqual([200, 'POST /x?y a.test hello'])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    const empty = await requestTo(proxy, 'http://a.test/empty')
    expect([empty.status, empty.body]).toEqual([204, null])
    const head = await requestTo(proxy, 'http://a.test/', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('comes from the address that is given', async () => {
    const proxy = await serve()
    expect((await requestTo(proxy, 'http://a.test/closed')).status).toBe(403)
    expect((await requestTo(proxy, 'http://a.test/closed', { clientAddress: '10.1.1.1' })).status).toBe(503)
    expect((await requestTo(proxy, 'http://a.test/closed', { clientAddress: '' })).status).toBe(403)
  })

  it('takes an engine as well, and refuses what is neither', async () => {
    const engine = new ProxyEngine()
    onTestFinished(() => engine.close())
    expect((await requestTo(engine, 'http://a.test/')).status).toBe(503)
    await expect(requestTo({} as ProxyEngine, 'http://a.test/')).rejects.toThrow(
      'expected a proxy or an engine',
    )
    await expect(requestTo(engine, 'http://a.test/', { verb: 'GET' } as object)).rejects.toThrow('verb')
  })

  it('rejects where the client would see a broken response', async () => {
    await expect(requestTo(await serve(), 'http://a.test/broken')).rejects.toThrow('broken the response off')
  })
})
