import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ConfigSink,
  createProxy,
  type Provider,
  type ProviderConfig,
  type ProxyOptions,
  type RequestFinished,
  type ReverseProxy,
  StaticProvider,
} from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, routeWith, startNamed, startServer, TestServer } from '../support/live-engine.js'
import { eventually, nextEvent } from '../support/next-event.js'

const LOOPBACK = { port: 0, host: '127.0.0.1' }

function makeProxy(options: ProxyOptions): ReverseProxy {
  const proxy = createProxy(options)
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return proxy
}

/** A provider that delivers when the test says so. */
class ManualProvider implements Provider {
  readonly name: string
  sink: ConfigSink | undefined
  starts = 0
  stops = 0

  constructor(name = 'manual') {
    this.name = name
  }

  async start(sink: ConfigSink): Promise<void> {
    this.starts += 1
    this.sink = sink
  }

  async stop(): Promise<void> {
    this.stops += 1
  }
}

describe('making a proxy', () => {
  it('starts nothing', async () => {
    const provider = new ManualProvider()
    const proxy = makeProxy({ providers: [provider] })
    expect(provider.starts).toBe(0)
    expect(proxy.state).toEqual({ generation: 0, providers: [{ provider: 'manual', state: 'pending' }] })
    expect(() => proxy.explain({ host: 'a', path: '/', clientAddress: '192.0.2.1' })).toThrow(
      expect.objectContaining({ code: 'PROXY_NOT_READY' }),
    )
  })

  it.each<[string, (proxy: ReverseProxy) => unknown]>([
    ['start', (proxy) => proxy.start()],
    ['listen', (proxy) => proxy.listen(LOOPBACK)],
    ['attach', (proxy) => proxy.attach(createServer())],
    ['ready', (proxy) => proxy.ready({ timeoutMs: 1 }).catch(() => {})],
  ])('is followed by a start on %s, once', async (_, use) => {
    const provider = new ManualProvider()
    const proxy = makeProxy({ providers: [provider] })
    await use(proxy)
    await use(proxy)
    await eventually(() => provider.starts > 0, 'the provider starts')
    expect(provider.starts).toBe(1)
  })

  it('is followed by a start on the first request', async () => {
    const provider = new ManualProvider()
    const proxy = makeProxy({ providers: [provider] })
    const { port } = await startServer(proxy.handler)
    const answer = await httpGet({ port })
    expect([answer.status, answer.headers['retry-after'], provider.starts]).toEqual([503, '1', 1])
  })

  it('throws for an invalid config, with all issues', () => {
    const config = {
      frontends: { a: { backend: 'nobody', rule: 'Hots:x' } },
      backends: { b: { servers: { one: { url: 'nonsense' } } } },
    }
    expect(() => createProxy({ config })).toThrow(
      expect.objectContaining({
        code: 'PROXY_CONFIG_INVALID',
        issues: expect.arrayContaining([
          expect.objectContaining({ path: 'frontends.a.backend' }),
          expect.objectContaining({ path: 'frontends.a.rule' }),
          expect.objectContaining({ path: 'backends.b.servers.one.url' }),
        ]),
      }),
    )
  })

  it('throws for unknown options and for two providers of one name', () => {
    const config = { frontends: {}, backends: {} }
    expect(() => createProxy({ confg: config } as unknown as ProxyOptions)).toThrow(
      /the nearest known one is "config"/,
    )
    expect(() => createProxy({ config, providers: [new ManualProvider('static')] })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
    )
  })
})

describe('ready', () => {
  it('resolves when every provider is live', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const proxy = makeProxy({ providers: [one, two] })
    let ready = false
    const waiting = proxy.ready().then(() => {
      ready = true
    })
    await one.sink!.update(routeWith({ rule: 'Path:/one' }, await startNamed('one')))
    expect(ready).toBe(false)
    const { port } = await proxy.listen(LOOPBACK)
    expect((await httpGet({ port, path: '/one' })).body).toBe('one')
    // Whose it is, only the provider that is missing could say.
    expect((await httpGet({ port, path: '/two' })).status).toBe(503)
    await two.sink!.update(routeWith({ rule: 'Path:/two' }, await startNamed('two')))
    await waiting
    expect((await httpGet({ port, path: '/two' })).body).toBe('two')
    expect((await httpGet({ port, path: '/three' })).status).toBe(404)
    expect(proxy.state).toMatchObject({ generation: 2, providers: [{ state: 'live' }, { state: 'live' }] })
  })

  it('rejects at the limit and names each missing provider with its first cause; starting goes on', async () => {
    const silent = new ManualProvider('silent')
    const broken = new ManualProvider('broken')
    const proxy = makeProxy({
      providers: [silent, broken, new StaticProvider({ config: routeTo('http://127.0.0.1:1') })],
    })
    void proxy.start()
    const cause = new Error('no route to the source')
    broken.sink!.unavailable(cause)
    broken.sink!.unavailable(new Error('later'))
    const error: unknown = await proxy.ready({ timeoutMs: 30 }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PROXY_NOT_READY', cause })
    expect((error as Error).message).toMatch(/silent: .*; broken: no route to the source$/)
    expect((error as Error).message).not.toContain('static')
    const rest = proxy.ready()
    const empty = { frontends: { a: { backend: 'b', rule: 'Path:/' } }, backends: { b: { servers: {} } } }
    await silent.sink!.update(empty)
    await broken.sink!.update(empty)
    await rest
  })

  it('rejects when the proxy closes meanwhile, and after', async () => {
    const proxy = makeProxy({ providers: [new ManualProvider()] })
    const waiting = proxy.ready().catch((error: unknown) => error)
    await proxy.close()
    expect(await waiting).toMatchObject({ code: 'PROXY_CLOSED' })
    await expect(proxy.ready()).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })
})

describe('listening', () => {
  it('may be done several times; frontends answer on their entry points alone', async () => {
    const [open, internal] = [await startNamed('open'), await startNamed('internal')]
    const proxy = makeProxy({
      config: {
        frontends: {
          open: { backend: 'open', rule: 'PathPrefix:/' },
          internal: { backend: 'internal', rule: 'PathPrefix:/', entryPoints: ['internal'], priority: 100 },
        },
        backends: {
          open: { servers: { s: { url: open.url } } },
          internal: { servers: { s: { url: internal.url } } },
        },
      },
    })
    const web = await proxy.listen({ ...LOOPBACK, entryPoint: 'web' })
    const inside = await proxy.listen({ ...LOOPBACK, entryPoint: 'internal' })
    const unnamed = await proxy.listen(LOOPBACK)
    await proxy.ready()
    const bodies = []
    for (const { port } of [web, inside, unnamed]) bodies.push((await httpGet({ port })).body)
    expect(bodies).toEqual(['open', 'internal', 'open'])
  })

  it('works on a Unix socket, whose clients have no address', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'create-proxy-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'proxy.sock')
    const server = await startServer((req, res) => res.end(JSON.stringify(req.headers)))
    const proxy = makeProxy({ config: routeTo(server) })
    expect(await proxy.listen({ path })).toMatchObject({ url: `unix:${path}` })
    await proxy.ready()
    const client = await openRaw(0, { path })
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'X-Forwarded-For: 10.0.0.1', 'Connection: close')
    const headers = JSON.parse((await client.untilClosed()).split('\r\n\r\n')[1]!)
    expect(headers).toMatchObject({ host: 'a', 'x-forwarded-proto': 'http' })
    expect(headers).not.toHaveProperty('x-forwarded-for')
    expect(headers).not.toHaveProperty('x-real-ip')
  })

  it('rejects with EADDRINUSE where the port is taken, and may be tried again', async () => {
    const proxy = makeProxy({ config: routeTo(await startNamed('one')) })
    const taken = await startNamed('taken')
    await expect(proxy.listen({ ...LOOPBACK, port: taken.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    const { port } = await proxy.listen(LOOPBACK)
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one')
    await proxy.close()
    await expect(proxy.listen(LOOPBACK)).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })

  it('answers 503 with Retry-After: 1 until the first configuration is live', async () => {
    const provider = new ManualProvider()
    const proxy = makeProxy({ providers: [provider] })
    const { port } = await proxy.listen(LOOPBACK)
    const before = await httpGet({ port })
    expect([before.status, before.headers['retry-after']]).toEqual([503, '1'])
    await provider.sink!.update(routeTo(await startNamed('one')))
    expect((await httpGet({ port })).body).toBe('one')
  })
})

describe('inside a host’s own server', () => {
  it('attach takes requests and upgrades, close gives them back', async () => {
    const backend = await startServer((_req, res) => res.end('ours'))
    backend.server.on('upgrade', (_req, socket) => {
      socket.on('error', () => {})
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello',
      )
    })
    const host = await new TestServer().start()
    const proxy = makeProxy({ config: routeTo(backend) })
    proxy.attach(host.server)
    await proxy.ready()
    expect((await httpGet({ port: host.port })).body).toBe('ours')
    const client = await openRaw(host.port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await client.until('hello')
    await proxy.close({ drainMs: 0 })
    await client.untilClosed()
    expect([host.server.listenerCount('request'), host.server.listenerCount('upgrade')]).toEqual([0, 0])
    host.server.on('request', (_req, res) => res.end('theirs'))
    expect((await httpGet({ port: host.port })).body).toBe('theirs')
  })

  it('attach leaves the server its own limits when it goes', async () => {
    const { server } = await new TestServer().start()
    const limits = () => [
      server.headersTimeout,
      server.keepAliveTimeout,
      server.requestTimeout,
      server.maxHeadersCount,
    ]
    const before = limits()
    const proxy = makeProxy({ config: routeTo('http://127.0.0.1:1'), timeouts: { keepAliveMs: 1_234 } })
    proxy.attach(server)
    expect(limits()).toEqual([10_000, 1_234, 0, 0])
    await proxy.close()
    expect(limits()).toEqual(before)
  })

  it('attach refuses a server that answers by itself: both would', async () => {
    const proxy = makeProxy({ config: routeTo('http://127.0.0.1:1') })
    const { server } = await startNamed('theirs')
    expect(() => proxy.attach(server)).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining('proxy.handler(req, res, next)'),
      }),
    )
    expect(server.listenerCount('upgrade')).toBe(0)
  })

  it('attach can be told an entry point', async () => {
    const proxy = makeProxy({ config: routeWith({ entryPoints: ['admin'] }, await startNamed('one')) })
    const [admin, other] = [await new TestServer().start(), await new TestServer().start()]
    proxy.attach(admin.server, { entryPoint: 'admin' })
    proxy.attach(other.server)
    await proxy.ready()
    expect((await httpGet({ port: admin.port })).body).toBe('one')
    expect((await httpGet({ port: other.port })).status).toBe(404)
  })

  it('the handler calls next where no frontend matches, and leaves the response alone', async () => {
    const proxy = makeProxy({ config: routeWith({ rule: 'PathPrefix:/ours' }, await startNamed('ours')) })
    await proxy.ready()
    const next = vi.fn()
    const host = await startServer((req, res) => {
      proxy.handler(req, res, (error) => {
        next(error, res.headersSent, res.getHeaderNames())
        res.end('theirs')
      })
    })
    expect((await httpGet({ port: host.port, path: '/theirs' })).body).toBe('theirs')
    expect((await httpGet({ port: host.port, path: '/ours' })).body).toBe('ours')
    expect(next).toHaveBeenCalledExactlyOnceWith(undefined, false, [])
  })

  it('the handler forwards the path as the framework left it', async () => {
    const server = await startServer((req, res) => res.end(req.url))
    const proxy = makeProxy({ config: routeTo(server) })
    await proxy.ready()
    const host = await startServer((req, res) => {
      req.url = req.url!.replace('/mounted', '')
      proxy.handler(req, res)
    })
    expect((await httpGet({ port: host.port, path: '/mounted/x?y' })).body).toBe('/x?y')
  })
})

describe('closing', () => {
  it('is idempotent, stops the providers, closes the listeners and drains what is under way', async () => {
    let waiting: ServerResponse | undefined
    const server = await startServer((_req, res) => {
      waiting = res
    })
    const provider = new ManualProvider()
    const proxy = makeProxy({ providers: [provider] })
    const { port } = await proxy.listen(LOOPBACK)
    await provider.sink!.update(routeTo(server))
    const answer = httpGet({ port })
    await eventually(() => waiting !== undefined, 'the request arrives')
    const closing = proxy.close({ drainMs: 10_000 })
    expect(proxy.close()).toBe(closing)
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    waiting!.end('drained')
    expect(await answer).toMatchObject({ status: 200, body: 'drained' })
    await closing
    expect(provider.stops).toBe(1)
    await proxy[Symbol.asyncDispose]()
    expect(provider.stops).toBe(1)
    await eventually(() => server.sockets.size === 0, 'the connections to the server close')
  })

  it('cuts what outlasts drainMs: responses, tunnels and refused upgrades', async () => {
    const server = await startServer((_req, res) => res.write('half'))
    server.server.on('upgrade', (_req, socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    })
    const proxy = makeProxy({ config: routeTo(server) })
    const { port } = await proxy.listen(LOOPBACK)
    await proxy.ready()
    const download = await openRaw(port)
    download.sendHead('GET / HTTP/1.1', 'Host: a')
    await download.until('half')
    const tunnel = await openRaw(port, { allowHalfOpen: true })
    tunnel.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await tunnel.until('101')
    const plain = await openRaw(port, { allowHalfOpen: true })
    plain.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c')
    await plain.until('half')
    await proxy.close({ drainMs: 30 })
    expect(await download.untilClosed()).not.toMatch(/\r\n0\r\n/)
    await eventually(() => tunnel.ended || tunnel.closed, 'the tunnel is cut')
    await eventually(() => plain.ended || plain.closed, 'the other is cut')
  })

  it.each([1_000, { drainMs: '5s' }, { drainMs: -1 }, { drainMs: Number.NaN }, { drain: 5 }, null])(
    'refuses %j where it is told how long to wait',
    async (options) => {
      const proxy = makeProxy({ config: routeTo('http://127.0.0.1:1') })
      expect(() => proxy.close(options as object)).toThrow(
        expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
      )
    },
  )

  it('lets go of idle clients and of those that never finish their head', async () => {
    const proxy = makeProxy({ config: routeTo(await startNamed('one')) })
    const { port } = await proxy.listen(LOOPBACK)
    await proxy.ready()
    const idle = await openRaw(port)
    idle.sendHead('GET / HTTP/1.1', 'Host: a')
    await idle.until('one')
    const slow = await openRaw(port)
    slow.send('GET / HTTP/1.1\r\nHost')
    await proxy.close({ drainMs: 5_000 })
    await idle.untilClosed()
    await slow.untilClosed()
  })

  it('happens when the signal is aborted, before or after', async () => {
    const controller = new AbortController()
    const proxy = makeProxy({ config: routeTo(await startNamed('one')), signal: controller.signal })
    const { port } = await proxy.listen(LOOPBACK)
    controller.abort()
    await proxy.close()
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const late = makeProxy({ config: routeTo('http://127.0.0.1:1'), signal: controller.signal })
    await expect(late.listen(LOOPBACK)).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })

  it('happens at the end of an await using', async () => {
    let port = 0
    {
      await using proxy = createProxy({ config: routeTo(await startNamed('one')) })
      port = (await proxy.listen(LOOPBACK)).port
      await proxy.ready()
      expect((await httpGet({ port })).body).toBe('one')
    }
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('is told by the status of requests that come meanwhile on a host’s server', async () => {
    let waiting: ServerResponse | undefined
    const server = await startServer((_req, res) => {
      waiting = res
    })
    const proxy = makeProxy({ config: routeTo(server) })
    await proxy.ready()
    const host = await startServer(proxy.handler)
    const answer = httpGet({ port: host.port })
    await eventually(() => waiting !== undefined, 'the request arrives')
    const closing = proxy.close()
    expect((await httpGet({ port: host.port })).status).toBe(503)
    waiting!.end('ok')
    expect((await answer).body).toBe('ok')
    await closing
  })
})

describe('a running proxy', () => {
  it('switches when its provider delivers, and tells', async () => {
    const provider = new StaticProvider({ config: { ...routeTo(await startNamed('one')), version: 'v1' } })
    const proxy = makeProxy({ providers: [provider] })
    const { port } = await proxy.listen(LOOPBACK)
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one')
    const changed = nextEvent(proxy, 'configChanged')
    expect(await provider.update({ ...routeTo(await startNamed('two')), version: 'v2' })).toEqual({
      state: 'live',
      generation: 2,
    })
    expect(await changed).toMatchObject({
      generation: 2,
      provider: 'static',
      version: 'v2',
      changes: { backends: { changed: ['pool@static'] } },
    })
    expect((await httpGet({ port })).body).toBe('two')
    expect(proxy.state).toMatchObject({
      generation: 2,
      providers: [{ provider: 'static', state: 'live', version: 'v2', ageMs: expect.any(Number) }],
    })
  })

  it('goes on with the last good configuration when a delivery is refused', async () => {
    const provider = new ManualProvider()
    const proxy = makeProxy({ providers: [provider] })
    const { port } = await proxy.listen(LOOPBACK)
    await provider.sink!.update(routeTo(await startNamed('one')))
    const rejected = nextEvent(proxy, 'configRejected')
    const bad = { version: 'v2', frontends: { a: { backend: 'nobody', rule: 'Path:/' } }, backends: {} }
    expect(await provider.sink!.update(bad as ProviderConfig)).toMatchObject({ state: 'refused' })
    expect(await rejected).toMatchObject({
      provider: 'manual',
      version: 'v2',
      error: { code: 'PROXY_CONFIG_INVALID' },
    })
    expect((await httpGet({ port })).body).toBe('one')
  })

  it('emits what happens to requests, and off takes listeners away again', async () => {
    const proxy = makeProxy({ config: routeTo(await startNamed('one')) })
    const { port } = await proxy.listen({ ...LOOPBACK, entryPoint: 'web' })
    await proxy.ready()
    const events: RequestFinished[] = []
    const listener = (event: RequestFinished) => void events.push(event)
    proxy.on('requestFinished', listener)
    await httpGet({ port, path: '/a' })
    await eventually(() => events.length === 1, 'the report')
    proxy.off('requestFinished', listener)
    await httpGet({ port, path: '/b' })
    expect(events.map(({ path }) => path)).toEqual(['/a'])
  })

  it('explains a request in a few words, in whatever form that is written', async () => {
    const proxy = makeProxy({
      config: {
        frontends: {
          web: { backend: 'web', rule: 'Host:www.baidu.com;Path:/admin;ClientIP:10.1.0.0/16' },
          inside: { backend: 'web', rule: 'Host:www.baidu.com', entryPoints: ['inside'], priority: 1 },
        },
        backends: { web: { servers: { one: { url: 'http://10.0.0.1:9111' } } } },
      },
    })
    await proxy.ready()
    expect(
      proxy.explain({ host: 'WWW.Baidu.com:80', path: '/x/../%61dmin', clientAddress: '10.1.2.3' }),
    ).toMatchObject({
      generation: 1,
      winner: { frontend: 'web@static', backend: 'web@static' },
      servers: [{ name: 'one', url: 'http://10.0.0.1:9111', weight: 1 }],
    })
    const sketch = { host: 'www.baidu.com', path: '/', clientAddress: '10.1.2.3' }
    expect(proxy.explain(sketch).winner).toBeUndefined()
    expect(proxy.explain({ ...sketch, entryPoint: 'inside' }).winner?.frontend).toBe('inside@static')
  })

  it('tunnels WebSockets through its own listener, past a switch', async () => {
    const backend = await startServer((_req, res) => res.end())
    const { WebSocketServer } = await import('ws')
    new WebSocketServer({ server: backend.server }).on('connection', (socket) => {
      socket.on('message', (data) => socket.send(String(data).toUpperCase()))
    })
    const provider = new StaticProvider({ config: routeTo(backend) })
    const proxy = makeProxy({ providers: [provider] })
    const { port } = await proxy.listen(LOOPBACK)
    await proxy.ready()
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
    onTestFinished(() => socket.terminate())
    const heard: string[] = []
    socket.on('message', (data) => heard.push(String(data)))
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send('one')
    await eventually(() => heard.length === 1, 'the echo')
    await provider.update(routeTo(await startNamed('other')))
    socket.send('two')
    await eventually(() => heard.length === 2, 'the echo after the switch')
    expect(heard).toEqual(['ONE', 'TWO'])
  })
})
