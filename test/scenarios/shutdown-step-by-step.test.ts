import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import {
  type CloseOptions,
  createProxy,
  type ProxyOptions,
  type ReverseProxy,
  type ShutdownChanged,
  StaticProvider,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { folderWith } from '../support/documents.js'
import { Authority } from '../support/etcd-tls.js'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  routeTo,
  routeWith,
  startNamed,
  startServer,
  type TestServer,
} from '../support/live-engine.js'
import { eventually, nextEvent } from '../support/next-event.js'

const LOOPBACK = { port: 0, host: '127.0.0.1' }
const HOUR = 3_600_000
const step = (wanted: string) => (event: ShutdownChanged) => event.step === wanted

function makeProxy(options: ProxyOptions): { proxy: ReverseProxy; told: ShutdownChanged[] } {
  const proxy = createProxy(options)
  const told: ShutdownChanged[] = []
  proxy.on('shutdownChanged', (event) => told.push(event))
  onTestFinished(() => proxy.close({ acceptMs: 0, drainMs: 0 }))
  return { proxy, told }
}

/** A proxy that listens, before a server. */
async function startProxy(server: TestServer, options: Partial<ProxyOptions> = {}) {
  const made = makeProxy({ config: routeTo(server), ...options })
  const { port } = await made.proxy.listen(LOOPBACK)
  await made.proxy.ready()
  return { ...made, port }
}

/** A server that answers when it is told to, and answers upgrades with an echo. */
async function startWaiting(): Promise<TestServer & { waiting: ServerResponse[] }> {
  const waiting: ServerResponse[] = []
  const server = await startServer((req, res) => {
    req.resume()
    if (req.url?.startsWith('/wait')) waiting.push(res)
    else if (req.url === '/begun') {
      res.write('begun')
      waiting.push(res)
    } else res.end('at once')
  })
  server.server.on('upgrade', (_req, socket: Socket) => {
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => socket.write(chunk))
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  return Object.assign(server, { waiting })
}
/** As long as a request may be on its way: more than the turn in which connections are looked at. */
async function afterTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

it.each([{ acceptMs: 0 }, {}])(
  'where the status server listens is told as closed, not as missing: %o',
  async (close) => {
    const { proxy } = makeProxy({ config: routeTo('http://127.0.0.1:1'), status: { address: '127.0.0.1:0' } })
    const closing = proxy.close(close)
    const closed = { code: 'PROXY_CLOSED', message: 'The proxy is shutting down.' }
    await expect(proxy.statusAddress()).rejects.toMatchObject(closed)
    await closing
    await expect(proxy.statusAddress()).rejects.toMatchObject(closed)
  },
)

describe('while requests are accepted', () => {
  it('the status server says so, and each response ends its connection', async () => {
    const server = await startNamed('one')
    const { proxy, told, port } = await startProxy(server, { status: { address: '127.0.0.1:0' } })
    const { port: status } = await proxy.statusAddress()
    const look = async (path: string) => {
      const answer = await httpGet({ port: status, path })
      return [answer.status, answer.body] as const
    }
    expect((await look('/ready'))[0]).toBe(200)
    expect(JSON.parse((await look('/api/config'))[1])).not.toHaveProperty('shutdown')
    expect(proxy.state).not.toHaveProperty('shutdown')
    const before = await openRaw(port)
    before.sendHead('GET / HTTP/1.1', 'Host: a')
    await before.until(/one$/)

    const closing = proxy.close({ acceptMs: HOUR, drainMs: HOUR })
    expect(told).toEqual([{ step: 'accepting', limitMs: HOUR, inFlight: 0 }])
    expect(proxy.state.shutdown).toBe('accepting')
    expect(await look('/ready')).toEqual([503, '{"ready":false,"reasons":["shutting down"]}\n'])
    expect((await look('/ping'))[0]).toBe(503)
    expect((await look('/health'))[0]).toBe(200)
    expect(JSON.parse((await look('/api/config'))[1])).toMatchObject({
      shutdown: { step: 'accepting', inFlight: 0 },
    })
    // On a connection from before, and on new ones.
    before.sendHead('GET / HTTP/1.1', 'Host: a')
    expect(await before.untilClosed()).toMatch(
      /200 OK[\s\S]*200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*one$/,
    )
    for (const lines of [
      ['GET / HTTP/1.1', 'Host: a'],
      ['GET / HTTP/1.0', 'Host: a', 'Connection: keep-alive'],
      ['HEAD / HTTP/1.1', 'Host: a'],
      ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 0'],
    ]) {
      const client = await openRaw(port)
      client.sendHead(...lines)
      expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n/)
    }
    void proxy.close({ acceptMs: 0 })
    await closing
    expect(told.map((event) => event.step)).toEqual(['accepting', 'draining', 'closed'])
    expect(told.at(-1)).toEqual({ step: 'closed', inFlight: 0, cut: 0 })
    await expect(look('/ready')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('its own answers end their connections too', async () => {
    const server = await startNamed('one')
    const config = routeWith({ rule: 'Path:/there' }, server)
    const { proxy, port } = await startProxy(server, { config, keepTrailingSlash: false })
    void proxy.close({ acceptMs: HOUR })
    for (const [line, status] of [
      ['GET /nowhere HTTP/1.1', 404],
      ['GET /there/ HTTP/1.1', 301],
      ['OPTIONS * HTTP/1.1', 204],
      ['TRACE / HTTP/1.1', 405],
    ] as const) {
      const client = await openRaw(port)
      client.sendHead(line, 'Host: a')
      const answer = await client.untilClosed()
      expect(answer).toContain(`HTTP/1.1 ${status} `)
      expect(answer).toMatch(/\r\nConnection: close\r\n/)
    }
  })

  it('a delivery still goes live', async () => {
    const provider = new StaticProvider({ config: routeTo(await startNamed('one')) })
    const { proxy } = makeProxy({ providers: [provider] })
    const { port } = await proxy.listen(LOOPBACK)
    await proxy.ready()
    const closing = proxy.close({ acceptMs: HOUR })
    expect(await provider.update(routeTo(await startNamed('two')))).toMatchObject({ state: 'live' })
    expect((await httpGet({ port })).body).toBe('two')
    void proxy.close({ acceptMs: 0 })
    await closing
    expect(await provider.update(routeTo(await startNamed('three')))).not.toMatchObject({ state: 'live' })
  })

  it('a proxy that was not asked for anything yet starts with its first request', async () => {
    const { proxy } = makeProxy({ config: routeTo(await startNamed('one')) })
    const host = await startServer(proxy.handler)
    void proxy.close({ acceptMs: HOUR })
    await eventually(async () => (await httpGet({ port: host.port })).body === 'one', 'it starts')
  })

  it('no further listener is opened, and no further server attached', async () => {
    const { proxy } = await startProxy(await startNamed('one'))
    void proxy.close({ acceptMs: HOUR })
    await expect(proxy.listen(LOOPBACK)).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
    expect(() => proxy.attach(createServer())).toThrow(expect.objectContaining({ code: 'PROXY_CLOSED' }))
  })

  it('an upgrade becomes a tunnel, which lasts through the drain', async () => {
    const server = await startWaiting()
    const { proxy, told, port } = await startProxy(server)
    const closing = proxy.close({ acceptMs: HOUR, drainMs: HOUR })
    const tunnel = await openRaw(port)
    tunnel.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await tunnel.until('\r\n\r\n')
    void proxy.close({ acceptMs: 0 })
    await nextEvent(proxy, 'shutdownChanged', step('draining'))
    tunnel.send('still here')
    await tunnel.until('still here')
    tunnel.socket.end()
    await closing
    expect(told.map((event) => [event.step, event.inFlight])).toEqual([
      ['accepting', 0],
      ['draining', 1],
      ['closed', 0],
    ])
  })
})

describe('when accepting stops', () => {
  it('on every entry point and Unix socket, though each has an idle connection', async () => {
    const folder = await folderWith({})
    const { proxy } = makeProxy({ config: routeTo(await startNamed('one')) })
    const path = join(folder, 'http.sock')
    const ports = [
      (await proxy.listen({ ...LOOPBACK, entryPoint: 'http' })).port,
      (await proxy.listen({ ...LOOPBACK, entryPoint: 'internal' })).port,
    ]
    await proxy.listen({ path })
    await proxy.ready()
    const clients = await Promise.all([...ports.map((port) => openRaw(port)), openRaw(0, { path })])
    for (const client of clients) {
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      await client.until(/one$/)
    }
    await proxy.close({ acceptMs: 1, drainMs: HOUR })
    for (const client of clients) await client.untilClosed()
    for (const port of ports) await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(openRaw(0, { path })).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it.each([{}, { acceptMs: 1 }])(
    'a request that is on its way is answered: on an idle connection, and on one that has yet to say a word (%j)',
    async (more) => {
      const server = await startWaiting()
      const { proxy, told, port } = await startProxy(server)
      const [idle, silent, half, inFlight] = await Promise.all([
        openRaw(port),
        openRaw(port),
        openRaw(port),
        openRaw(port),
      ])
      idle.sendHead('GET / HTTP/1.1', 'Host: a')
      await idle.until(/at once$/)
      half.send('GET / HTTP/1.1\r\nHost')
      inFlight.sendHead('GET /wait HTTP/1.1', 'Host: a')
      await eventually(() => server.waiting.length === 1, 'it waits')
      proxy.on('shutdownChanged', (event) => {
        if (event.step !== 'draining') return
        void afterTurns(5).then(() => {
          idle.sendHead('POST /wait HTTP/1.1', 'Host: a', 'Content-Length: 0')
          silent.sendHead('GET /wait HTTP/1.1', 'Host: a')
          half.sendHead(': a')
        })
      })
      const closing = proxy.close({ drainMs: HOUR, ...more })
      await eventually(() => server.waiting.length === 3, 'both arrive')
      await half.untilClosed()
      for (const res of server.waiting) res.end('the last')
      for (const client of [idle, silent, inFlight])
        expect(await client.untilClosed()).toMatch(
          /HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*the last$/,
        )
      expect(half.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*at once/)
      await closing
      expect(told.at(-1)).toMatchObject({ step: 'closed', cut: 0 })
    },
  )

  it('all requests of a connection that pipelines are answered, and the last one alone says that it ends', async () => {
    const server = await startWaiting()
    const { proxy, port } = await startProxy(server)
    const client = await openRaw(port)
    client.sendHead('GET /wait/1 HTTP/1.1', 'Host: a')
    for (const path of ['/wait/2', '/3', '/4'])
      client.sendHead(`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 0')
    client.sendHead('GET /5 HTTP/1.1', 'Host: a')
    await eventually(() => server.waiting.length === 1, 'the first arrives')
    const closing = proxy.close({ drainMs: HOUR })
    server.waiting[0]?.end('first')
    await eventually(() => server.waiting.length === 2, 'the second arrives')
    server.waiting[1]?.end('second')
    const all = await client.untilClosed()
    expect(all.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(5)
    expect(all.match(/Connection: close/g)).toHaveLength(1)
    expect(all.slice(all.lastIndexOf('HTTP/1.1'))).toContain('Connection: close')
    await closing
  })

  it('an upgrade behind a request becomes a tunnel: that response does not end the connection', async () => {
    const server = await startWaiting()
    const { proxy, told, port } = await startProxy(server)
    const client = await openRaw(port)
    client.sendHead('GET /wait HTTP/1.1', 'Host: a')
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await eventually(() => server.waiting.length === 1, 'the first arrives')
    const closing = proxy.close({ drainMs: HOUR })
    server.waiting[0]?.end('first')
    await client.until(/first[\s\S]*101 Switching/)
    client.send('hello')
    await client.until('hello')
    client.socket.end()
    await closing
    expect(told.at(-1)).toMatchObject({ step: 'closed', cut: 0 })
  })

  it('a connection whose response had begun before stays open for a request that is on its way', async () => {
    const server = await startWaiting()
    const { proxy, port } = await startProxy(server)
    const client = await openRaw(port)
    client.sendHead('GET /begun HTTP/1.1', 'Host: a')
    await client.until('begun')
    const closing = proxy.close({ drainMs: HOUR })
    server.waiting[0]?.end('all')
    await client.until(/all\r\n0\r\n\r\n$/)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    expect(await client.untilClosed()).toMatch(
      /200 OK[\s\S]*200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*at once/,
    )
    await closing
  })
})

describe('on a server of the host’s', () => {
  /** @param closes whether the host closes its server when it is told to */
  async function startHost(closes: boolean, how: 'attach' | 'handler') {
    const server = await startWaiting()
    const { proxy, told } = makeProxy({ config: routeTo(server) })
    const host = how === 'attach' ? createServer() : createServer(proxy.handler)
    if (how === 'attach') proxy.attach(host)
    host.listen(0, '127.0.0.1')
    await eventually(() => host.listening, 'it listens')
    onTestFinished(() => void host.close().closeAllConnections())
    await proxy.ready()
    proxy.on('shutdownChanged', (event) => {
      if (closes && event.step === 'draining') host.close()
    })
    return { server, proxy, told, host, port: (host.address() as AddressInfo).port }
  }

  it.each(['attach', 'handler'] as const)(
    'that goes on listening, new requests get 503 in the drain (%s)',
    async (how) => {
      const { server, proxy, port } = await startHost(false, how)
      const waits = httpGet({ port, path: '/wait' })
      await eventually(() => server.waiting.length === 1, 'it waits')
      const closing = proxy.close({ acceptMs: HOUR, drainMs: HOUR })
      expect((await httpGet({ port })).body).toBe('at once')
      void proxy.close({ acceptMs: 0 })
      await nextEvent(proxy, 'shutdownChanged', step('draining'))
      const refused = await httpGet({ port })
      expect([refused.status, refused.headers.connection]).toEqual([503, 'close'])
      expect(refused.body).toContain('PROXY_CLOSED')
      server.waiting[0]?.end('drained')
      expect((await waits).body).toBe('drained')
      await closing
      // With `attach`, the host's own routes have it again: there are none.
      if (how === 'handler') expect((await httpGet({ port })).status).toBe(503)
    },
  )

  it.each(['attach', 'handler'] as const)(
    'that it closes as well, what is on its way is answered (%s)',
    async (how) => {
      const { proxy, told, host, port } = await startHost(true, how)
      const begun = bytesOn(host, 'connection')
      const client = await openRaw(port)
      // Node 26 closes what has not even begun to say something: that is lost with the host's own close.
      await begun('GET / HTTP/1.1\r\n', client.socket)
      proxy.on('shutdownChanged', (event) => {
        if (event.step === 'draining') client.send('Host: a\r\n\r\n')
      })
      await proxy.close({ acceptMs: 1, drainMs: HOUR })
      expect(await client.untilClosed()).toMatch(
        /^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*at once/,
      )
      expect(told.at(-1)).toMatchObject({ step: 'closed', cut: 0 })
    },
  )
})

it.each(['tcp', 'unix'] as const)('over TLS and %s, on a server of the host’s too', async (over) => {
  const server = await startWaiting()
  const { proxy, told } = makeProxy({ config: routeTo(server) })
  const host = createSecure(await (await Authority.create('a')).sign())
  proxy.attach(host)
  const begun = bytesOn(host, 'secureConnection')
  const path = join(await folderWith({}), 'https.sock')
  host.listen(over === 'unix' ? { path } : LOOPBACK)
  await eventually(() => host.listening, 'it listens')
  onTestFinished(() => void host.close().closeAllConnections())
  await proxy.ready()
  const { port = 0 } = (over === 'unix' ? {} : host.address()) as Partial<AddressInfo>
  const target = over === 'unix' ? { path } : { port, host: '127.0.0.1' }
  const clients = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const socket = connectTls({ ...target, rejectUnauthorized: false })
      onTestFinished(() => void socket.destroy())
      let received = ''
      socket.on('data', (chunk) => {
        received += chunk
      })
      await once(socket, 'secureConnect')
      return { socket, received: () => received, closed: once(socket, 'close') }
    }),
  )
  const [held, second] = clients
  held?.socket.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => server.waiting.length === 1, 'it waits')
  await begun('GET / HTTP/1.1\r\n', second?.socket)
  proxy.on('shutdownChanged', (event) => {
    if (event.step !== 'draining') return
    host.close()
    second?.socket.write('Host: a\r\n\r\n')
  })
  const closing = proxy.close({ acceptMs: 1, drainMs: HOUR })
  await second?.closed
  server.waiting[0]?.end('at last')
  await Promise.all([held?.closed, closing])
  expect(second?.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*at once/)
  expect(held?.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*at last/)
  expect(told.at(-1)).toMatchObject({ step: 'closed', cut: 0 })
})

/** Sends bytes to a server, and waits until the server has them. */
function bytesOn(host: Server, event: 'connection' | 'secureConnection') {
  const sockets: Socket[] = []
  host.on(event, (socket: Socket) => sockets.push(socket))
  const came = () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  return async (bytes: string, client?: Socket): Promise<void> => {
    const before = came()
    client?.write(bytes)
    await eventually(() => came() > before, 'the bytes come')
  }
}

describe('what is cut', () => {
  it('is told: requests that wait, responses that have begun, and tunnels', async () => {
    const server = await startWaiting()
    const { proxy, told, port } = await startProxy(server)
    const clients = await Promise.all([openRaw(port), openRaw(port), openRaw(port)])
    const [held, begun, tunnel] = clients
    held.sendHead('GET /wait HTTP/1.1', 'Host: a')
    begun.sendHead('GET /begun HTTP/1.1', 'Host: a')
    tunnel.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await Promise.all([begun.until('begun'), tunnel.until('\r\n\r\n')])
    await eventually(() => server.waiting.length === 2, 'both wait')
    await proxy.close({ acceptMs: 1, drainMs: 1 })
    for (const client of clients) await client.untilClosed()
    expect(held.received).toMatch(/^HTTP\/1\.1 503 [\s\S]*PROXY_CLOSED/)
    expect(told).toEqual([
      { step: 'accepting', limitMs: 1, inFlight: 3 },
      { step: 'draining', limitMs: 1, inFlight: 3 },
      { step: 'cutting', inFlight: 3 },
      { step: 'closed', inFlight: 0, cut: 3 },
    ])
    expect(proxy.state.shutdown).toBe('closed')
  })

  it('includes clients that never finish their head, but does not count them', async () => {
    const { proxy, told, port } = await startProxy(await startNamed('one'))
    const slow = await openRaw(port)
    slow.send('GET / HTTP/1.1\r\nHost')
    await proxy.close({ drainMs: HOUR })
    await slow.untilClosed()
    expect(told.at(-1)).toMatchObject({ step: 'closed', cut: 0 })
  })
})

describe('a second close', () => {
  async function startHeld() {
    const server = await startWaiting()
    const started = await startProxy(server)
    const client = await openRaw(started.port)
    client.sendHead('GET /wait HTTP/1.1', 'Host: a')
    await eventually(() => server.waiting.length === 1, 'it waits')
    return { ...started, client }
  }

  it('ends one step at a time', async () => {
    const { proxy, told } = await startHeld()
    const closing = proxy.close({ acceptMs: HOUR, drainMs: HOUR })
    const draining = nextEvent(proxy, 'shutdownChanged', step('draining'))
    expect(proxy.close({ acceptMs: 0 })).toBe(closing)
    await draining
    expect(proxy.close({ drainMs: 0 })).toBe(closing)
    await closing
    expect(told.map((event) => event.step)).toEqual(['accepting', 'draining', 'cutting', 'closed'])
  })

  it('can shorten a step before it begins', async () => {
    const { proxy, told } = await startHeld()
    const closing = proxy.close({ acceptMs: HOUR, drainMs: HOUR })
    void proxy.close({ drainMs: 0 })
    expect(proxy.state.shutdown).toBe('accepting')
    void proxy.close({ acceptMs: 0 })
    await closing
    expect(told.at(1)).toEqual({ step: 'draining', limitMs: 0, inFlight: 1 })
  })

  it('prolongs nothing', async () => {
    const { proxy } = await startHeld()
    const closing = proxy.close({ acceptMs: 1, drainMs: 1 })
    void proxy.close({ acceptMs: HOUR, drainMs: HOUR })
    await closing
  })

  it('without options waits for the first, and changes nothing', async () => {
    const { proxy, told, client } = await startHeld()
    const closing = proxy.close({ acceptMs: HOUR, drainMs: HOUR })
    expect(proxy.close()).toBe(closing)
    expect(proxy[Symbol.asyncDispose]()).toBe(closing)
    void proxy.close({ acceptMs: undefined, drainMs: undefined })
    void proxy.close({ acceptMs: 0 })
    await nextEvent(proxy, 'shutdownChanged', step('draining'))
    expect(told.at(-1)).toMatchObject({ limitMs: HOUR, inFlight: 1 })
    client.socket.destroy()
    await closing
  })

  it.each([{}, { acceptMs: 1 }])('by a listener that is told of a step is one too (%j)', async (more) => {
    const { proxy, told } = await startHeld()
    const again: Promise<void>[] = []
    proxy.on('shutdownChanged', () => again.push(proxy.close({ drainMs: 0 })))
    const closing = proxy.close({ drainMs: HOUR, ...more })
    await closing
    expect(new Set(again)).toEqual(new Set([closing]))
    expect(told.filter((event) => event.step === 'draining')).toHaveLength(1)
  })

  it('is refused where its options are wrong, as the first one is', async () => {
    const { proxy } = await startHeld()
    const wrong: unknown[] = [
      ...[-1, Number.NaN, '5', null, {}, true].flatMap((value) => [{ acceptMs: value }, { drainMs: value }]),
      ...[{ accept: 1 }, { acceptsMs: 1 }, 5, null, 'now'],
    ]
    const refuse = () => {
      for (const options of wrong)
        expect(() => proxy.close(options as CloseOptions), JSON.stringify(options)).toThrow(
          expect.objectContaining({
            code: 'PROXY_OPTION_INVALID',
            message: expect.stringMatching(/^close: /),
          }),
        )
    }
    refuse()
    expect(proxy.state).not.toHaveProperty('shutdown')
    void proxy.close({ acceptMs: HOUR })
    refuse()
    expect(proxy.state.shutdown).toBe('accepting')
  })
})
