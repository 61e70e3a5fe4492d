import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { tunnel } from '../../../../src/engine/client/tunnel.js'
import { httpGet } from '../../../support/http-get.js'
import {
  openRaw,
  recordFinished,
  routeTo,
  routeWith,
  settled,
  startEngine,
  startMisbehaving,
  startNamed,
  startOpenEngine,
  startServer,
  TestServer,
} from '../../../support/live-engine.js'
import { eventually } from '../../../support/next-event.js'

const ASK = [
  'GET /chat HTTP/1.1',
  'Host: a',
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
]
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Mine: 1\r\n\r\n'

/** A server that sends back every message. */
async function startEchoing() {
  const server = await new TestServer().start()
  const sockets = new WebSocketServer({ server: server.server })
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('error', () => {})
  })
  return { server, sockets }
}

async function openSocket(port: number, path = '/'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  socket.on('error', () => {})
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

async function echoOf(socket: WebSocket, message: string | Buffer): Promise<Buffer> {
  const answer = once(socket, 'message') as Promise<[RawData]>
  socket.send(message)
  return (await answer)[0] as Buffer
}

/** A server that takes upgrades as `onUpgrade` does. */
async function startUpgrading(onUpgrade: (socket: Duplex) => void) {
  const server = await startNamed('plain')
  server.server.on('upgrade', (_req, socket) => {
    socket.on('error', () => {})
    onUpgrade(socket)
  })
  return server
}

/** Both ends of a connection, each of which may end by itself. */
async function socketPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const { port } = server.address() as AddressInfo
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [near] = await accepted
  server.close()
  onTestFinished(() => void [near.destroy(), far.destroy()])
  return { near, far }
}

describe('a WebSocket', () => {
  it('is tunnelled, small messages and big ones', async () => {
    const { server } = await startEchoing()
    const { port, engine } = await startEngine(routeTo(server))
    const finished = recordFinished(engine)
    const socket = await openSocket(port, '/chat')
    expect((await echoOf(socket, 'hello')).toString()).toBe('hello')
    const big = Buffer.alloc(8 * 1024 * 1024, 'x')
    expect((await echoOf(socket, big)).equals(big)).toBe(true)
    expect(finished).toEqual([])
    socket.close(4001, 'bye')
    expect((await once(socket, 'close'))[0]).toBe(4001)
    await eventually(() => finished.length === 1, 'the report')
    expect(finished[0]).toMatchObject({ status: 101, path: '/chat', server: 's1', generation: 1 })
  })

  it('runs on through swaps, and through the removal of its server', async () => {
    const { server } = await startEchoing()
    const { port, engine } = await startEngine(routeTo(server))
    const socket = await openSocket(port)
    for (let time = 0; time < 3; time++) {
      await engine.apply(routeTo(await startNamed(`other ${time}`)))
      expect((await echoOf(socket, 'still')).toString()).toBe('still')
      expect((await httpGet({ port })).body).toBe(`other ${time}`)
    }
    expect(server.connections).toBe(1)
  })

  it('is cut on both sides when the engine closes', async () => {
    const { server, sockets } = await startEchoing()
    const { port, engine } = await startEngine(routeTo(server))
    const socket = await openSocket(port)
    const closed = once(socket, 'close')
    await engine.close()
    expect((await closed)[0]).toBe(1006)
    await eventually(() => sockets.clients.size === 0, 'the server sees it')
  })
})

describe('an upgrade', () => {
  it('passes the head of the server on, and the bytes behind both heads', async () => {
    const server = await startMisbehaving((socket, head) => {
      if (head.startsWith('GET')) socket.write(`${SWITCH}from the server`)
    })
    const { port } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    client.send(`${ASK.join('\r\n')}\r\n\r\nfrom the client`)
    const received = await client.until('from the server')
    expect(received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    expect(received.match(/^(connection|upgrade): .*$/gim)).toEqual([
      'Connection: Upgrade',
      'Upgrade: websocket',
    ])
    expect(received).toContain('\r\nX-Mine: 1\r\n')
    await eventually(() => server.received[0]!.endsWith('from the client'), 'the bytes behind the head')
    expect(server.received[0]).toMatch(/^GET \/chat HTTP\/1\.1\r\n/)
    expect(server.received[0]).toMatch(/\r\nsec-websocket-key: dGhl/i)
    expect(server.received[0]).toMatch(/\r\nx-forwarded-for: 127\.0\.0\.1\r\n/i)
  })

  it('that is refused is answered with the status, headers and body of the server', async () => {
    const size = 4 * 1024 * 1024
    const server = await startServer((_req, res) => {
      res.writeHead(403, 'No Sockets', { 'x-why': 'because', 'content-length': size })
      res.end('x'.repeat(size))
    })
    const { port, engine } = await startEngine(routeTo(server))
    const finished = recordFinished(engine)
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead(...ASK)
    await eventually(() => client.ended, 'the proxy ends the connection')
    const [head, body] = client.received.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 403 No Sockets\r\n/)
    expect(head).toContain('\r\nx-why: because\r\n')
    expect(body).toHaveLength(size)
    await eventually(() => finished.length === 1, 'the report')
    expect(finished[0]).toMatchObject({ status: 403 })
  })

  it.each([
    ['no frontend matches', { rule: 'Path:/other' }, '404'],
    ['the server refuses the connection', {}, '502'],
  ])('gets an error response where %s', async (_, frontend, status) => {
    const { port } = await startEngine(routeWith(frontend, 'http://127.77.0.1:1'))
    const client = await openRaw(port)
    client.sendHead(...ASK)
    expect(await client.untilClosed()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\r\n\r\n${status} `, 's'))
  })

  it('goes to another server where one refuses the connection', async () => {
    const { server } = await startEchoing()
    const { port } = await startEngine(routeTo('http://127.77.0.1:1', server))
    expect((await echoOf(await openSocket(port), 'hi')).toString()).toBe('hi')
  })

  it.each(['reset', 'end'] as const)(
    'whose client leaves (%s) before the answer is told to the server',
    async (how) => {
      let waiting: Duplex | undefined
      let closed = false
      const server = await startUpgrading((socket) => {
        waiting = socket
        socket.resume()
        socket.on('end', () => socket.end())
        socket.on('close', () => {
          closed = true
        })
      })
      const { port, engine } = await startEngine(routeTo(server))
      const finished = recordFinished(engine)
      const client = await openRaw(port)
      client.sendHead(...ASK)
      await eventually(() => waiting !== undefined, 'the request arrives')
      if (how === 'reset') client.reset()
      else client.socket.end()
      await eventually(() => closed, 'the server sees it', 30_000)
      await eventually(() => finished.length === 1, 'the report')
      expect(finished[0]).toMatchObject({ status: 499 })
      expect((await httpGet({ port })).body).toBe('plain')
    },
  )

  it('whose server resets before the answer gets 502', async () => {
    const server = await startMisbehaving((socket) => socket.resetAndDestroy())
    const { port } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    client.sendHead(...ASK)
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 502 /)
  })
})

describe('a tunnel', () => {
  async function startTunnel() {
    const ends: Duplex[] = []
    const server = await startUpgrading((socket) => {
      ends.push(socket)
      socket.write(SWITCH)
    })
    const live = await startEngine(routeTo(server))
    const finished = recordFinished(live.engine)
    const client = await openRaw(live.port, { allowHalfOpen: true })
    client.sendHead(...ASK)
    await client.until('\r\n\r\n')
    return { ...live, finished, client, end: ends[0]! }
  }

  it.each(['destroy', 'resetAndDestroy'] as const)('is cut when its server goes (%s)', async (how) => {
    const { client, end, finished } = await startTunnel()
    ;(end as unknown as { [key in typeof how]: () => void })[how]()
    await eventually(() => client.ended || client.closed, 'the client sees it')
    client.socket.destroy()
    await eventually(() => finished.length === 1, 'the report')
  })

  it('is cut when its client resets', async () => {
    const { client, end, finished } = await startTunnel()
    let closed = false
    end.on('end', () => {
      closed = true
    })
    end.resume()
    client.reset()
    await eventually(() => closed, 'the server sees it', 30_000)
    await eventually(() => finished.length === 1, 'the report')
  })

  it('is cut when its client had said all and gone before the server switched', async () => {
    const [client, server] = [await socketPair(), await socketPair()]
    client.far.end()
    client.near.resume()
    await once(client.near, 'end')
    client.near.destroy()
    let closed = false
    tunnel(client.near, server.near, () => {
      closed = true
    })
    await eventually(() => closed && server.near.destroyed, 'both sides are gone', 30_000)
  })

  it('ends when its client has gone, though the server that was told so never ends', async () => {
    const [client, server] = [await socketPair(), await socketPair()]
    let heard = ''
    server.far.on('data', (chunk) => {
      heard += chunk
    })
    server.far.on('error', () => {})
    let closed = false
    tunnel(client.near, server.near, () => {
      closed = true
    })
    // TLS ends a side by itself when the other has ended.
    client.near.end()
    client.far.end('last words')
    client.far.resume()
    await once(client.near, 'close')
    await eventually(() => closed && server.near.destroyed, 'both sides are gone', 30_000)
    await eventually(() => heard === 'last words', 'the server was told all')
  })

  it('passes an end on and lets the other side finish', async () => {
    const { client, end, finished } = await startTunnel()
    let heard = ''
    end.on('data', (chunk) => {
      heard += chunk
    })
    client.socket.end('last words')
    await once(end, 'end')
    expect(heard).toBe('last words')
    end.end('and mine')
    await client.until('and mine')
    await eventually(() => finished.length === 1, 'the report')
  })

  it('holds the server back while the client does not read', async () => {
    const { client, end } = await startTunnel()
    client.socket.pause()
    const chunk = Buffer.alloc(64 * 1024)
    const size = 96 * 1024 * 1024
    let sent = 0
    const write = () => {
      while (sent < size) {
        sent += chunk.length
        if (!end.write(chunk)) return void end.once('drain', write)
      }
    }
    write()
    expect(await settled(() => sent)).toBeLessThan(size / 2)
  })
})

describe('an upgrade to anything else', () => {
  it.each(['h2c', 'TLS/1.0', 'websocket, h2c', 'x'])('(%s) is served as a plain request', async (token) => {
    const seen: unknown[] = []
    const server = await startServer((req, res) => {
      seen.push([req.url, req.headers.upgrade, req.headers['http2-settings']])
      res.setHeader('Content-Length', 1_000_000)
      res.end('x'.repeat(1_000_000))
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead(
      'GET /a HTTP/1.1',
      'Host: a',
      'Connection: Upgrade, HTTP2-Settings',
      `Upgrade: ${token}`,
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    )
    const received = await client.untilClosed()
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(received.split('\r\n\r\n')[1]).toHaveLength(1_000_000)
    expect(seen).toEqual([['/a', undefined, undefined]])
  })

  it.each([
    ['Content-Length: 3', 'abc'],
    ['Transfer-Encoding: chunked', '1\r\na\r\n2\r\nbc\r\n0\r\n\r\n'],
  ])('keeps its body (%s), also that of a WebSocket', async (framing, body) => {
    const seen: string[] = []
    const server = await startServer(async (req, res) => {
      let text = ''
      for await (const chunk of req) text += chunk
      seen.push(`${req.method} ${req.url} ${text} ${req.headers['x-name']}`)
      res.end('ok')
    })
    const { port, engine } = await startEngine(routeTo(server))
    const finished = recordFinished(engine)
    for (const token of ['h2c', 'websocket']) {
      const client = await openRaw(port)
      client.sendHead(
        'POST /a?b HTTP/1.1',
        'Host: a',
        'Connection: Upgrade',
        `Upgrade: ${token}`,
        'X-Name: \xe4',
        framing,
      )
      client.send(body)
      expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    }
    expect(seen).toEqual(['POST /a?b abc \xe4', 'POST /a?b abc \xe4'])
    await eventually(() => finished.length === 2, 'the reports')
    await engine.close()
  })

  it('whose client leaves is told to the server', async () => {
    let arrived = false
    let closed = false
    const server = await startServer((req) => {
      arrived = true
      req.socket.on('close', () => {
        closed = true
      })
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c')
    await eventually(() => arrived, 'the request arrives')
    client.reset()
    await eventually(() => closed, 'the server sees it', 30_000)
  })

  it('by CONNECT ends the connection and nothing else', async () => {
    const { port } = await startEngine(routeTo(await startNamed('one')))
    const client = await openRaw(port)
    client.sendHead('CONNECT a.test:443 HTTP/1.1', 'Host: a.test:443')
    await client.untilClosed()
    expect((await httpGet({ port })).body).toBe('one')
  })
})

describe('an upgrade that stands behind another request on its connection', () => {
  it.each(['websocket', 'h2c'])('(%s) does not hide that its client leaves', async (protocol) => {
    let asked = 0
    const server = await startServer(() => {
      asked += 1
    })
    const { engine, port } = await startOpenEngine(routeTo(server))
    const fields = `Host: a\r\nConnection: upgrade\r\nUpgrade: ${protocol}`
    for (const [early, leave] of [
      ['', 'end'],
      ['early', 'end'],
      ['early', 'resetAndDestroy'],
      ['early'.repeat(2_000), 'destroy'],
    ] as const) {
      asked = 0
      const { socket } = (await openRaw(port)).send(
        `${'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2)}GET /2 HTTP/1.1\r\n${fields}\r\n\r\n${early}`,
      )
      await eventually(() => asked === 1, 'the first is at the server')
      socket[leave]()
      await eventually(() => engine.inFlight.size === 0, `nothing is under way after ${leave}`, 30_000)
      expect(asked).toBe(1)
    }
  })

  const first = 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n'
  const upgrade = (token: string) =>
    `GET /2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${token}\r\n\r\n`

  it.each(['websocket', 'h2c'])('(%s) waits until that has its response', async (token) => {
    const server = await startServer((req, res) => setImmediate(() => res.end(`plain ${req.url}`)))
    server.server.on('upgrade', (_req, socket: Duplex) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.send(first + upgrade(token))
    const second = token === 'websocket' ? 'HTTP/1.1 101 ' : 'HTTP/1.1 200 '
    const received = await client.until(token === 'websocket' ? 'hello' : 'plain /2')
    expect(received).toMatch(new RegExp(`^HTTP/1.1 200 [\\s\\S]*plain /1${second}`))
  })
})
