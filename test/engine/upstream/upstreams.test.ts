import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { generate } from 'selfsigned'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UpstreamNetworks } from '../../../src/engine/upstream/upstream-networks.js'
import { Upstreams } from '../../../src/engine/upstream/upstreams.js'
import { DEFAULT_TIMEOUTS } from '../../../src/model/limits.js'
import { httpGet } from '../../support/http-get.js'
import {
  openRaw,
  routeTo,
  routeWith,
  startEngine,
  startMisbehaving,
  startNamed,
  startServer,
} from '../../support/live-engine.js'
import { eventually } from '../../support/next-event.js'

describe('connections to a server', () => {
  it('are kept from request to request, and over every swap that leaves the server in', async () => {
    const stays = await startNamed('stays')
    const { engine, port } = await startEngine(routeTo(stays))
    for (let time = 1; time <= 10; time++) {
      expect((await httpGet({ port })).body).toBe('stays')
      // Frontend, backend and base path differ, but the server is the same.
      const name = `pool${time}`
      await engine.apply({
        frontends: { [`f${time}`]: { backend: name, rule: 'PathPrefix:/' } },
        backends: { [name]: { servers: { [`s${time}`]: { url: `${stays.url}/${time}` } } } },
      })
    }
    expect(stays.connections).toBe(1)
  })

  it('are kept after POST, and whatever may have a body', async () => {
    const server = await startNamed('')
    const { port } = await startEngine(routeTo(server))
    for (const method of ['POST', 'GET', 'DELETE', 'PUT', 'OPTIONS', 'GET']) {
      expect((await httpGet({ port, method })).status).toBe(200)
    }
    expect(server.connections).toBe(1)
  })

  it('are not used again after HEAD: what follows it may be a body', async () => {
    const server = await startNamed('')
    const { port } = await startEngine(routeTo(server))
    for (const method of ['HEAD', 'HEAD', 'GET']) expect((await httpGet({ port, method })).status).toBe(200)
    expect(server.connections).toBe(3)
  })

  it('that the server was just closing cost a request without a body nothing', async () => {
    // No keep-alive client can avoid this race: the server closes an idle connection while a request leaves for it.
    let heads = 0
    const server = await startMisbehaving((socket) => {
      heads += 1
      if (heads === 2) socket.destroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    const { port } = await startEngine(routeTo(server))
    expect((await httpGet({ port })).status).toBe(200)
    expect((await httpGet({ port })).status).toBe(200)
    expect({ heads, connections: server.connections }).toEqual({ heads: 3, connections: 2 })
  })

  it('that are cut again and again are given up after one more try, and at once for a POST', async () => {
    let heads = 0
    const server = await startMisbehaving((socket) => {
      heads += 1
      socket.destroy()
    })
    const { port } = await startEngine(routeTo(server))
    expect((await httpGet({ port })).status).toBe(502)
    expect(heads).toBe(2)
    expect((await httpGet({ port, method: 'POST' })).status).toBe(502)
    expect(heads).toBe(3)
  })

  it.each([
    ['a name', 'localhost', 'localhost'],
    ['an address', '127.0.0.1', undefined],
  ])('over TLS are made under the name in the URL, not in the request: %s', async (_what, host, expected) => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }])
    const names: (string | undefined)[] = []
    const server = createTlsServer({ key, cert })
    server.on('tlsClientError', (_error, socket) => names.push(socket.servername || undefined))
    await new Promise<void>((resolve) => server.listen(0, host, resolve))
    onTestFinished(() => void server.close())
    const url = `https://${host}:${(server.address() as AddressInfo).port}`
    const { port } = await startEngine(routeTo({ url }))
    // The certificate has no trusted authority, so the proxy refuses it. It has sent the name before.
    expect((await httpGet({ port, host: 'www.example.com' })).status).toBe(502)
    await eventually(() => names.length > 0, 'the server sees the handshake end')
    expect(names[0]).toBe(expected)
  })

  it('are shared by all backends that name it', async () => {
    const server = await startNamed('one')
    const { port } = await startEngine({
      frontends: { a: { backend: 'a', rule: 'Path:/a' }, b: { backend: 'b', rule: 'Path:/b' } },
      backends: {
        a: { servers: { one: { url: `${server.url}/x` } } },
        b: { servers: { one: { url: server.url }, same: { url: `${server.url}/y` } } },
      },
    })
    for (const path of ['/a', '/b', '/b', '/a']) await httpGet({ port, path })
    expect(server.connections).toBe(1)
  })

  it('that a burst needed close again while requests go on: the one used last is used first', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const waiting: Socket[] = []
    const server = await startMisbehaving((socket, head) => {
      if (head.startsWith('GET /wait')) waiting.push(socket)
      else socket.write(answer)
    })
    const { port } = await startEngine(routeTo(server.url), { timeouts: { upstreamKeepAliveMs: 500 } })
    const burst = Array.from({ length: 5 }, () => httpGet({ port, path: '/wait' }))
    await eventually(() => waiting.length === 5, 'all five wait')
    for (const socket of waiting) socket.write(answer)
    await Promise.all(burst)
    expect(server.sockets.size).toBe(5)
    await eventually(async () => {
      expect((await httpGet({ port })).body).toBe('ok')
      return server.sockets.size === 1
    }, 'one is left')
    expect(server.connections).toBe(5)
  })

  it('close when they are idle and their server is removed', async () => {
    const old = await startNamed('old')
    const { engine, port } = await startEngine(routeTo(old))
    await httpGet({ port })
    expect(old.sockets.size).toBe(1)
    await engine.apply(routeTo(await startNamed('new')))
    await eventually(() => old.sockets.size === 0, 'the idle connection closes', 30_000)
    expect((await httpGet({ port })).body).toBe('new')
  })

  it('are made anew for a server that comes back', async () => {
    const server = await startNamed('back')
    const { engine, port } = await startEngine(routeTo(server))
    await httpGet({ port })
    await engine.apply(routeTo(await startNamed('other')))
    await engine.apply(routeTo(server))
    expect((await httpGet({ port })).body).toBe('back')
  })

  it('are not made before somebody asks', async () => {
    const server = await startNamed('one')
    const { port, engine } = await startEngine(routeWith({ rule: 'Path:/only' }, server))
    await httpGet({ port, path: '/other' })
    await engine.apply(routeTo(server))
    expect(server.connections).toBe(0)
  })

  it('all close when the engine does, those of removed servers too', async () => {
    const hanging = await startServer((_req, res) => res.write('x'))
    const idle = await startNamed('idle')
    const { engine, port } = await startEngine(routeTo(hanging))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('x')
    await engine.apply(routeTo(idle))
    await httpGet({ port })
    await engine.close()
    await eventually(() => hanging.sockets.size + idle.sockets.size === 0, 'all connections close')
  })
})

describe('limits', () => {
  it('of the response head: 504, and the connection is not used again', async () => {
    const server = await startMisbehaving((socket, head) => {
      if (head.startsWith('GET /fast')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
    // If undici opened a new connection for the request that was given up, that connection would stay open.
    const timeouts = { responseHeadMs: 1_000, upstreamKeepAliveMs: Number.POSITIVE_INFINITY }
    const { port } = await startEngine(routeTo(server.url), { timeouts })
    const answer = await httpGet({ port, path: '/slow', headers: { accept: 'application/json' } })
    expect(answer.status).toBe(504)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'PROXY_RESPONSE_TIMEOUT' } })
    await eventually(() => server.sockets.size === 0, 'the connection closes')
    expect((await httpGet({ port, path: '/fast' })).status).toBe(200)
  })

  it('of the connection, TLS included: 504', async () => {
    const silent = await startMisbehaving(() => {})
    const { port } = await startEngine(routeTo(silent.url.replace('http:', 'https:')), {
      timeouts: { connectMs: 100 },
    })
    const answer = await httpGet({ port, headers: { accept: 'application/json' } })
    expect(answer.status).toBe(504)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'PROXY_CONNECT_TIMEOUT' } })
  })

  it('of the response head are not put off by what the client sends behind its request', async () => {
    const server = await startMisbehaving(() => {})
    const { port } = await startEngine(routeTo(server.url), { timeouts: { responseHeadMs: 1_000 } })
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: keep-alive').send('GET /')
    const next = setInterval(() => client.send('x'), 100)
    onTestFinished(() => clearInterval(next))
    await client.until('HTTP/1.1 504 ', 30_000)
  })

  it('of the response head do not run while the client still uploads', async () => {
    let arrived = 0
    const server = await startServer((req, res) => {
      req.on('data', () => {
        arrived += 1
      })
      req.on('end', () => res.end('all'))
    })
    const { port } = await startEngine(routeTo(server), { timeouts: { responseHeadMs: 1_000 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Connection: close')
    // This is longer than the time until the next check of idle exchanges.
    const end = performance.now() + 3_500
    while (performance.now() < end) {
      const before = arrived
      client.send('1\r\nx\r\n')
      await eventually(() => arrived > before, 'the piece arrives')
    }
    client.send('0\r\n\r\n')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 .*all$/s)
  })
})

describe('holding', () => {
  const upstreams = () =>
    new Upstreams({ timeouts: DEFAULT_TIMEOUTS, tls: {}, networks: new UpstreamNetworks() })

  it('gives one upstream per origin until its last hold is given back', () => {
    const all = upstreams()
    const first = all.hold('http://127.0.0.1:1')
    expect(all.hold('http://127.0.0.1:1')).toBe(first)
    expect(all.hold('http://127.0.0.1:2')).not.toBe(first)
    all.release(first)
    expect(all.hold('http://127.0.0.1:1')).toBe(first)
    all.release(first)
    all.release(first)
    const next = all.hold('http://127.0.0.1:1')
    expect(next).not.toBe(first)
    // Releasing an upstream that has left must change nothing.
    all.release(first)
    expect(all.hold('http://127.0.0.1:1')).toBe(next)
  })
})
