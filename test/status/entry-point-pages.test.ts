import { createProxy, type EntryPointOptions, type ProxyOptions, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isStatusPage, STATUS_PAGES } from '../../src/status/entry-point-pages.js'
import { STATUS_ROUTES } from '../../src/status/status-routes.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, routeWith, startNamed, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const TOKEN = 'a-long-random-token'
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` }
const ALL = ['ping', 'api', 'metrics'] as const

async function startWith(
  entryPoint: EntryPointOptions,
  options: Partial<ProxyOptions> = {},
): Promise<{ proxy: ReverseProxy; port: number }> {
  const proxy = createProxy({
    config: routeTo(await startNamed('frontend')),
    status: {},
    ...options,
    entryPoints: { a: { address: '127.0.0.1:0', ...entryPoint } },
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen('a')
  await proxy.ready()
  return { proxy, port }
}

const config = { frontends: {}, backends: {} }

describe('the pages of the status server on an entry point', () => {
  it('are those of all its routes, each in one group, but for / and /ready', () => {
    const paths = ['/dashboard', '/dashboard/', '/dashboard/dashboard.js', '/api', '/api/', '/api/providers']
    paths.push(
      '/api/providers/file',
      '/api/providers/file/backends/a',
      '/health',
      '/ping',
      '/metrics',
      '/api/config',
    )
    paths.push(
      '/api/history',
      '/api/traffic',
      '/api/frontends',
      '/api/backends',
      '/api/explain',
      '/api/events',
    )
    for (const path of paths)
      expect([path, STATUS_PAGES.filter((group) => isStatusPage(path, [group])).length]).toEqual([path, 1])
    for (const path of ['/', '/ready', '/api/other', '/apis', '/pings', '/dashboard/a/b', '/metrics/'])
      expect([path, isStatusPage(path, STATUS_PAGES)]).toEqual([path, false])
    const missing = STATUS_ROUTES.filter(
      ([pattern]) => ![...paths, '/', '/ready'].some((path) => pattern.test(path)),
    )
    expect(missing).toEqual([])
  })

  it('come before the frontends, which serve all else', async () => {
    const { port } = await startWith({ status: ALL })
    const bodyAt = async (path: string) => (await httpGet({ port, path })).body
    expect(await bodyAt('/ping')).toBe('OK')
    expect(await bodyAt('/metrics?x=1')).toContain('switchover_config_generation 1')
    expect(JSON.parse(await bodyAt('/api/config'))).toMatchObject({ generation: 1 })
    expect(await bodyAt('/dashboard/')).toContain('<html')
    for (const path of ['/', '/ready', '/api/other', '/ping/', '/x?y=/ping'])
      expect(await bodyAt(path)).toBe('frontend')
  })

  it('are only those of the groups that are named, and there alone', async () => {
    const { proxy, port } = await startWith({ status: ['ping'] })
    const other = await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint: 'other' })
    const answers = await Promise.all([
      httpGet({ port, path: '/ping' }),
      httpGet({ port, path: '/api' }),
      httpGet({ port, path: '/metrics' }),
      httpGet({ port: other.port, path: '/ping' }),
    ])
    expect(answers.map(({ body }) => body)).toEqual(['OK', 'frontend', 'frontend', 'frontend'])
  })

  it('answer other methods and upgrades as the status server does', async () => {
    const { proxy, port } = await startWith({ status: ALL }, { status: { address: ':0' } })
    const { port: own } = await proxy.statusAddress()
    const ask = async (at: number, ...lines: string[]) => {
      const client = await openRaw(at)
      client.sendHead(...lines)
      const [status = '', ...rest] = (await client.untilClosed()).split('\r\n')
      const kept = rest.filter((line) =>
        /^(allow|content-type|x-frame-options|content-security-policy):/i.test(line),
      )
      return [status, ...kept, rest.at(-1)]
    }
    for (const lines of [
      ['POST /api HTTP/1.1', 'Host: localhost', 'Content-Length: 0', 'Connection: close'],
      ['DELETE /ping HTTP/1.1', 'Host: localhost', 'Connection: close'],
      ['HEAD /ping HTTP/1.1', 'Host: localhost', 'Connection: close'],
    ])
      expect(await ask(port, ...lines)).toEqual(await ask(own, ...lines))
    for (const protocol of ['websocket', 'h2c', 'other']) {
      const upgrade = ['GET /ping HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', `Upgrade: ${protocol}`]
      expect((await ask(port, ...upgrade))[0]).toBe('HTTP/1.1 200 OK')
    }
  })

  it('are not left to other listeners of upgrades', async () => {
    const document = routeWith({ rule: 'Path:/other' }, await startNamed('frontend'))
    const { proxy } = await startWith({ status: ['ping'] }, { config: document })
    const { handler, upgrade } = proxy.handlersFor('a')
    const server = await startServer(handler)
    const passedOn: string[] = []
    server.server.on('upgrade', (req, socket, head) =>
      upgrade(req, socket, head, () => {
        passedOn.push(req.url ?? '')
        socket.end()
      }),
    )
    for (const path of ['/ping', '/pings']) {
      const client = await openRaw(server.port)
      client.sendHead(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
      await client.untilClosed()
    }
    expect(passedOn).toEqual(['/pings'])
  })

  it('keep their turn among pipelined requests', async () => {
    const { port } = await startWith({ status: ['ping'] })
    const client = await openRaw(port)
    client.send(
      'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )
    const bodies = [...(await client.untilClosed()).matchAll(/\r\n\r\n(?:\w+\r\n)?(frontend|OK)/g)]
    expect(bodies.map(([, body]) => body)).toEqual(['frontend', 'OK', 'frontend'])
  })

  it('ask for the token, but for /ping', async () => {
    const { port } = await startWith({ status: ALL }, { status: { token: TOKEN } })
    for (const path of ['/api', '/api/config', '/health', '/metrics', '/api/events']) {
      expect([path, (await httpGet({ port, path })).status]).toEqual([path, 401])
      if (path !== '/api/events')
        expect([path, (await httpGet({ port, path, headers: AUTHORIZED })).status]).toEqual([path, 200])
    }
    expect((await httpGet({ port, path: '/ping', host: 'www.example.com' })).body).toBe('OK')
  })

  it('are not reached without a token by the name of another site, or on an address of other machines', async () => {
    const { proxy, port } = await startWith({ status: ALL })
    const rebound = await httpGet({ port, path: '/api', host: 'evil.example.com' })
    expect([rebound.status, rebound.body]).toEqual([421, expect.stringContaining('HOST_REFUSED')])
    expect((await httpGet({ port, path: '/ping', host: 'www.example.com' })).body).toBe('OK')
    const { handler } = proxy.handlersFor('a')
    const elsewhere = await startServer((req, res) => {
      // Loopback is the only network of a test, so the address of the connection is made up.
      Object.defineProperty(req.socket, 'localAddress', { value: '192.0.2.1' })
      handler(req, res)
    })
    const foreign = await httpGet({ port: elsewhere.port, path: '/api', host: 'localhost' })
    expect([foreign.status, foreign.body]).toEqual([403, expect.stringContaining('TOKEN_REQUIRED')])
    expect((await httpGet({ port: elsewhere.port, path: '/ping' })).body).toBe('OK')
  })

  it('change with setEntryPoints', async () => {
    const { proxy, port } = await startWith({ status: ['ping'] })
    await proxy.setEntryPoints({ a: { address: '127.0.0.1:0', status: ['metrics'] } })
    expect((await httpGet({ port, path: '/ping' })).body).toBe('frontend')
    expect((await httpGet({ port, path: '/metrics' })).status).toBe(200)
  })

  it('say 503 to /ping while the proxy closes', async () => {
    const { proxy, port } = await startWith({ status: ['ping'] })
    const closing = proxy.close({ acceptMs: 60_000 })
    await eventually(async () => (await httpGet({ port, path: '/ping' })).status === 503, 'a 503')
    await proxy.close({ acceptMs: 0 })
    await closing
  })
})

describe('pages that would be less guarded than on the status server', () => {
  const refusal = (a: EntryPointOptions, options: Partial<ProxyOptions> = { status: {} }): string => {
    try {
      createProxy({ config, ...options, entryPoints: { a } })
      return 'accepted'
    } catch (error) {
      return (error as Error).message
    }
  }

  it.each<[EntryPointOptions, Partial<ProxyOptions> | undefined, string]>([
    [
      { address: ':80', status: ['api'] },
      undefined,
      '"api" needs the option status.token here, because the entry point is not bound',
    ],
    [{ address: '0.0.0.0:80', status: ['metrics'] }, undefined, '"metrics" needs the option status.token'],
    [{ address: '10.0.0.1:80', status: ['ping', 'api'] }, undefined, '"api" needs the option status.token'],
    [{ address: 'unix:/run/a.sock', status: ['api'] }, undefined, '"api" needs the option status.token'],
    [{ status: ['api'] }, undefined, '"api" needs the option status.token'],
    [
      { address: '127.0.0.1:80', trustedProxies: ['127.0.0.1'], status: ['api'] },
      undefined,
      'because the entry point trusts proxies',
    ],
    [
      { address: '127.0.0.1:80', status: ['api'] },
      { status: {}, trustedProxies: ['unix'] },
      'because the entry point trusts proxies',
    ],
    [{ address: ':80', status: ['ping'] }, {}, 'expected the option status beside it, {} at least'],
    [
      { address: ':80', status: ['pong'] as never },
      undefined,
      'found string "pong" in it; the nearest known one is "ping"',
    ],
  ])('are refused: %j with %j', (entryPoint, options, message) => {
    expect(refusal(entryPoint, options)).toContain(message)
    expect(refusal(entryPoint, options)).toContain('entryPoints.a.status: ')
  })

  it.each<[EntryPointOptions, Partial<ProxyOptions>]>([
    [{ address: ':80', status: ['ping'] }, { status: {} }],
    [{ status: ['api', 'metrics'] }, { status: { token: TOKEN } }],
    [{ address: '[::1]:80', status: ['api'] }, { status: {} }],
    [
      { address: '127.0.0.1:80', trustedProxies: [], status: ['api'] },
      { status: {}, trustedProxies: ['10.0.0.1'] },
    ],
  ])('are not these: %j with %j', (entryPoint, options) => {
    expect(refusal(entryPoint, options)).toBe('accepted')
  })

  it('are refused by setEntryPoints too', async () => {
    const { proxy, port } = await startWith({ status: ['api'] })
    await expect(proxy.setEntryPoints({ a: { address: '0.0.0.0:0', status: ['api'] } })).rejects.toThrow(
      'status.token',
    )
    expect((await httpGet({ port, path: '/api' })).status).toBe(200)
  })
})
