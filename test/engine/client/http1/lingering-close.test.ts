import { createServer as createSecure } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../../../support/etcd-tls.js'
import { openRaw, routeWith, startOpenEngine, startServer } from '../../../support/live-engine.js'
import { eventually } from '../../../support/next-event.js'

const KB = 1024
const MB = 1024 * KB

/** A proxy with a listener of its own. Only `/ok` has a route. */
async function startProxy(options: Partial<ProxyOptions> = {}) {
  const seen: string[] = []
  const server = await startServer((req, res) => {
    req.resume()
    if (req.url === '/ok/hang') return
    seen.push(`${req.method} ${req.url}`)
    res.end('fine')
  })
  const proxy = createProxy({
    config: {
      frontends: { ok: { rule: 'PathPrefix:/ok', backend: 'pool' } },
      backends: { pool: { servers: { s1: { url: server.url } } } },
    },
    ...options,
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, port, seen }
}

/** A client that sends when the other side has ended, and says how its own side ended. */
async function openHalf(port: number) {
  const client = await openRaw(port, { allowHalfOpen: true })
  const failures: string[] = []
  client.socket.on('error', ({ code }: NodeJS.ErrnoException) => failures.push(String(code)))
  return { client, failures }
}

const POST = `POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: ${64 * KB}\r\n\r\n`
const WEB_SOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

/** What is answered before all of it has come. */
const EARLY: Readonly<Record<string, readonly [says: string, status: number]>> = {
  'no route': [POST, 404],
  'no route, in chunks': [
    'POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
    404,
  ],
  'no route, by HTTP/1.0': [POST.replace('HTTP/1.1', 'HTTP/1.0'), 404],
  'no route, by HTTP/1.0 and kept alive': [POST.replace('1.1\r\n', '1.0\r\nConnection: keep-alive\r\n'), 404],
  'no route, and to be closed': [POST.replace('Host', 'Connection: close\r\nHost'), 404],
  'no route, and 100 is expected': [POST.replace('Host', 'Expect: 100-continue\r\nHost'), 404],
  'HEAD without a route': [POST.replace('POST', 'HEAD'), 404],
  'OPTIONS for the proxy': [POST.replace('POST /none', 'OPTIONS *'), 204],
  'two hosts': ['GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /ok HTTP', 400],
  'no Host': [POST.replace('Host: a\r\n', ''), 400],
  TRACE: ['TRACE /ok HTTP/1.1\r\nHost: a\r\n\r\n', 405],
  CONNECT: ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
  'an unknown expectation': [POST.replace('Host', 'Expect: a-miracle\r\nHost'), 417],
  'an unknown expectation beside an upgrade': [
    POST.replace('Host', `${WEB_SOCKET}Expect: a-miracle\r\nHost`),
    417,
  ],
  'what is no HTTP': ['what is this\r\n\r\n', 400],
  'a head that is too large': [`GET /ok HTTP/1.1\r\nX: ${'x'.repeat(32 * KB)}`, 431],
  'a chunk that is none, behind a head': [
    'POST /ok/hang HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    400,
  ],
  'a WebSocket without a route': [`GET /none HTTP/1.1\r\nHost: a\r\n${WEB_SOCKET}\r\nearly`, 404],
  'a WebSocket with a body': [POST.replace('Host', `${WEB_SOCKET}Host`), 404],
  'an upgrade to HTTP/2': [POST.replace('Host', 'Connection: Upgrade\r\nUpgrade: h2c\r\nHost'), 404],
}

describe('an answer to a client that is still sending', () => {
  it.each(Object.entries(EARLY))(
    'arrives whole, and its connection ends in stages: %s',
    async (_, [says, status]) => {
      const { port, seen } = await startProxy()
      const { client, failures } = await openHalf(port)
      client.send(says)
      await eventually(() => client.ended, 'the answer ends, and the write side behind it')
      expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\\r\\n\\r\\n`))
      expect(client.received.match(/^HTTP/gm)).toHaveLength(1)
      // More than one turn of the proxy's: a reset would come in answer to the first of it.
      for (let n = 0; n < 20; n += 1) {
        await new Promise<void>((resolve) => client.socket.write(Buffer.alloc(MB / 2, 'x'), () => resolve()))
        await new Promise(setImmediate)
      }
      expect([client.closed, failures]).toEqual([false, []])
      client.socket.end('GET /ok HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.untilClosed()
      expect(failures).toEqual([])
      expect(seen).toEqual([])
    },
  )

  it('is followed by nothing: pipelined requests behind it are none', async () => {
    const { port, seen } = await startProxy()
    const { client } = await openHalf(port)
    const next = 'GET /ok HTTP/1.1\r\nHost: a\r\n\r\n'
    client.send(`POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab`)
    await eventually(() => client.ended, 'the answer ends')
    client.socket.end(`cde${next.repeat(3)}`)
    await client.untilClosed()
    expect(client.received.match(/^HTTP/gm)).toHaveLength(1)
    expect(seen).toEqual([])
  })

  it('keeps its connection where all of the body was there', async () => {
    const { port } = await startProxy()
    const client = await openRaw(port)
    client.send('POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde')
    await client.until('(PROXY_NO_ROUTE)\n')
    client.send('GET /ok HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.until('fine')
    expect(client.received).not.toMatch(/Connection: close/)
  })

  it('arrives over TLS: close_notify comes behind it, and no reset', async () => {
    const { proxy } = await startProxy()
    const { cert, key } = await (await Authority.create('lingering')).sign()
    const server = createSecure({ cert, key })
    proxy.attach(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const socket = connectTls({ socket: raw, rejectUnauthorized: false })
    onTestFinished(() => void socket.destroy())
    const failures: unknown[] = []
    let received = ''
    socket.on('error', (error) => failures.push(error))
    socket.on('data', (chunk) => {
      received += chunk
    })
    const ended = new Promise((resolve) => socket.once('end', resolve))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(POST)
    await ended
    expect(received).toMatch(/^HTTP\/1\.1 404 [\s\S]*\(PROXY_NO_ROUTE\)\n$/)
    for (let n = 0; n < 10; n += 1)
      await new Promise<void>((resolve) => socket.write(Buffer.alloc(MB / 2, 'x'), () => resolve()))
    expect([socket.destroyed, failures]).toEqual([false, []])
    socket.end()
    await closed
    expect(failures).toEqual([])
  })
})

describe('an answer of the status server', () => {
  it.each([
    [POST, 405],
    ['what is this\r\n\r\n', 400],
    ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
  ])('arrives whole, and its connection ends in stages: %j', async (says, status) => {
    const { proxy } = await startProxy({ status: { address: '127.0.0.1:0' } })
    const { client, failures } = await openHalf((await proxy.statusAddress()).port)
    client.send(says)
    await eventually(() => client.ended, 'the answer ends, and the write side behind it')
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    for (let n = 0; n < 10; n += 1)
      await new Promise<void>((resolve) => client.socket.write(Buffer.alloc(MB / 2, 'x'), () => resolve()))
    expect([client.closed, failures]).toEqual([false, []])
    client.socket.end()
    await client.untilClosed()
    expect(failures).toEqual([])
  })
})

describe('a connection that is closed in stages', () => {
  it('is read for so many bytes and no more', async () => {
    const { proxy, port } = await startProxy({ limits: { lingerBytes: 256 * KB, lingerMs: 60_000 } })
    const { client } = await openHalf(port)
    client.send(POST)
    await eventually(() => client.ended, 'the answer ends')
    let sent = 0
    const send = () => {
      while (!client.closed) {
        sent += 64 * KB
        if (!client.socket.write(Buffer.alloc(64 * KB, 'x'))) return void client.socket.once('drain', send)
      }
    }
    send()
    await client.untilClosed(20_000)
    // What the buffers of both sockets hold was sent too, but not read.
    expect(sent).toBeLessThan(32 * MB)
    expect(client.received).toMatch(/\(PROXY_NO_ROUTE\)\n$/)
    await proxy.close()
  })

  it('is read for so long and no longer, though its client never stands still', async () => {
    const { port } = await startProxy({ limits: { lingerMs: 200 } })
    const { client } = await openHalf(port)
    client.send(POST)
    const trickle = setInterval(() => client.socket.write('x'), 5)
    onTestFinished(() => clearInterval(trickle))
    await client.untilClosed(20_000)
    expect(client.received).toMatch(/\(PROXY_NO_ROUTE\)\n$/)
  })

  it('is closed at its limit though its client says nothing', async () => {
    const { port, front, engine } = await startOpenEngine(
      routeWith({ rule: 'Path:/ok' }, 'http://127.0.0.1:9'),
      {
        limits: { lingerMs: 200 },
      },
    )
    const { client } = await openHalf(port)
    client.send(POST)
    await eventually(() => client.ended, 'the answer ends')
    expect([front.sockets.size, engine.inFlight.size, engine.inFlight.lingering.size]).toEqual([1, 0, 1])
    await eventually(() => front.sockets.size === 0, 'the proxy closes the connection', 20_000)
    expect(engine.inFlight.lingering.size).toBe(0)
  })

  it('is waited for by close, and not counted among the requests under way', async () => {
    const { proxy, port } = await startProxy({ limits: { lingerMs: 60_000, requestsInFlight: 1 } })
    const { client } = await openHalf(port)
    client.send(POST)
    await eventually(() => client.ended, 'the answer ends')
    const other = await openRaw(port)
    other.send('GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await other.untilClosed()).toMatch(/^HTTP\/1\.1 200 /)
    let closed = false
    const closing = proxy.close({ drainMs: 60_000 }).then(() => {
      closed = true
    })
    for (let n = 0; n < 10; n += 1) await new Promise(setImmediate)
    expect([closed, client.closed]).toEqual([false, false])
    client.socket.end()
    await closing
    await client.untilClosed()
  })

  it.each([0, 50])('does not hold close for longer than it may drain (%i ms)', async (drainMs) => {
    const { proxy, port } = await startProxy({ limits: { lingerMs: 60_000 } })
    const { client } = await openHalf(port)
    client.send(POST)
    await eventually(() => client.ended, 'the answer ends')
    await proxy.close({ drainMs })
    // Nobody is there to read it: the second piece finds that the first was answered by a reset.
    const trickle = setInterval(() => client.socket.write('x'), 5)
    onTestFinished(() => clearInterval(trickle))
    await client.untilClosed()
  })

  it('outlives a client that resets', async () => {
    const { proxy, port } = await startProxy()
    const { client } = await openHalf(port)
    client.send(POST)
    await eventually(() => client.ended, 'the answer ends')
    client.reset()
    await proxy.close()
  })
})
