import { createServer } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../../../support/etcd-tls.js'
import { openRaw, routeTo, routeWith, settled, startServer } from '../../../support/live-engine.js'
import { eventually } from '../../../support/next-event.js'
import type { RawConnection } from '../../../support/raw-connection.js'

/** Answers `/slow` when it is told to, and anything else with its method, path and body. */
async function startEcho() {
  const slow: (() => void)[] = []
  let asked = 0
  const server = await startServer(async (req, res) => {
    asked += 1
    let body = ''
    for await (const chunk of req) body += chunk
    const answer = () => res.end(`<${req.method} ${req.url} ${body.length}>`)
    if (req.url === '/slow') slow.push(answer)
    else if (req.url === '/big') res.end(`${'x'.repeat(1_000_000)}<big>`)
    else answer()
  })
  return { server, slow, asked: () => asked }
}

async function listen(url: string, options: Partial<ProxyOptions> = {}) {
  const proxy = createProxy({ config: routeTo({ url }), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  return { proxy, port }
}

const answersIn = ({ received }: RawConnection) =>
  [...received.matchAll(/<([^>]*)>/g)].map(([, what]) => what)
const post = (path: string, bytes: number, ...fields: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: a', `Content-Length: ${bytes}`, ...fields, '', 'b'.repeat(bytes)].join(
    '\r\n',
  )

describe('a request that waits', () => {
  it('keeps its body, however large, and those behind it theirs', async () => {
    const { server } = await startEcho()
    const { port } = await listen(server.url)
    const client = await openRaw(port)
    const sizes = [10, 300_000, 0, 70_000, 5, 1_000_000, 3]
    client.send(sizes.map((bytes, n) => post(`/${n}`, bytes)).join(''))
    await client.until('<POST /6 3>', 30_000)
    expect(answersIn(client)).toEqual(sizes.map((bytes, n) => `POST /${n} ${bytes}`))
    expect(server.connections).toBeLessThanOrEqual(2)
  })

  it('comes in its turn behind responses that are read slowly, for which Node pauses by itself', async () => {
    const { server } = await startEcho()
    const { port } = await listen(server.url)
    const client = await openRaw(port)
    client.socket.pause()
    const count = 40
    client.send('GET /big HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count))
    await eventually(() => server.connections > 0, 'the first is there')
    client.socket.resume()
    await eventually(() => answersIn(client).length === count, 'all have come', 30_000)
    client.sendHead('GET /last HTTP/1.1', 'Host: a')
    await client.until('<GET /last 0>')
  })

  it('is asked for its body in its turn', async () => {
    const { server, slow } = await startEcho()
    const { port } = await listen(server.url)
    const client = await openRaw(port)
    client.sendHead('GET /slow HTTP/1.1', 'Host: a')
    client.sendHead('POST /p HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 5')
    await eventually(() => slow.length === 1, 'the first is there')
    expect(client.received).toBe('')
    slow[0]?.()
    await client.until(/<GET \/slow 0>[\s\S]*HTTP\/1\.1 100 Continue/)
    client.send('hello')
    await client.until('<POST /p 5>')
  })

  it('may be of HTTP/1.0', async () => {
    const { server, slow } = await startEcho()
    const { port } = await listen(server.url)
    const client = await openRaw(port)
    const head = 'HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n'
    client.send(`GET /slow ${head}GET /1 ${head}GET /2 ${head}`)
    await eventually(() => slow.length === 1, 'the first is there')
    slow[0]?.()
    await client.until('<GET /2 0>')
    expect(answersIn(client)).toEqual(['GET /slow 0', 'GET /1 0', 'GET /2 0'])
    expect(server.connections).toBe(1)
  })

  it('is not begun behind a response that ends the connection', async () => {
    const { server, slow, asked } = await startEcho()
    const { port } = await listen(server.url, {
      onResponse: ({ headers }) => void headers.set('X-Seen', '1'),
    })
    const client = await openRaw(port)
    client.send(`POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /bad path HTTP/1.1\r\n`)
    client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.untilClosed()
    expect(asked()).toBeLessThanOrEqual(1)
    for (const answer of slow) answer()
  })

  it('has its turn in the drain when the proxy closes', async () => {
    const { server, slow, asked } = await startEcho()
    const { proxy, port } = await listen(server.url)
    const client = await openRaw(port)
    client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5))
    await eventually(() => slow.length === 1, 'the first is there')
    const closed = proxy.close({ drainMs: 600_000 })
    for (let n = 0; n < 5; n++) {
      await eventually(() => slow.length === n + 1, `request ${n} is there`)
      slow[n]?.()
    }
    await Promise.all([closed, client.untilClosed()])
    expect(answersIn(client)).toHaveLength(5)
    expect(asked()).toBe(5)
  })

  it('is let go with its connection when the proxy cuts', async () => {
    const { server, slow, asked } = await startEcho()
    const { proxy, port } = await listen(server.url)
    const client = await openRaw(port)
    client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5))
    await eventually(() => slow.length === 1, 'the first is there')
    await proxy.close({ drainMs: 0 })
    await client.untilClosed()
    expect(answersIn(client)).toEqual([])
    expect(asked()).toBe(1)
  })

  it('does not count as under way, nor does its clock run', async () => {
    const { server, slow } = await startEcho()
    const limits = { requestsInFlight: 1 }
    const { proxy, port } = await listen(server.url, { limits })
    const statuses: number[] = []
    proxy.on('requestFinished', ({ status }) => statuses.push(status))
    const client = await openRaw(port)
    client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
    for (let n = 0; n < 3; n++) {
      await eventually(() => slow.length === n + 1, `request ${n} is there`)
      slow[n]?.()
    }
    await eventually(() => statuses.length === 3, 'all are over')
    expect(statuses).toEqual([200, 200, 200])
  })

  it('behind an upgrade that is served as a plain request is never begun', async () => {
    const { server, slow, asked } = await startEcho()
    const { port } = await listen(server.url)
    const client = await openRaw(port)
    client.sendHead('GET /slow HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c')
    client.send('GET /behind HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50))
    await eventually(() => slow.length === 1, 'the first is there')
    slow[0]?.()
    await client.untilClosed()
    expect(answersIn(client)).toEqual(['GET /slow 0'])
    expect(asked()).toBe(1)
  })

  it('comes before an upgrade that stands behind it', async () => {
    const { server, slow } = await startEcho()
    server.server.on('upgrade', (_req, socket, head: Buffer) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.write(`<tunnel ${head}>`)
      socket.on('data', (chunk) => socket.write(`<echo ${chunk}>`))
      socket.on('error', () => {})
    })
    const { port } = await listen(server.url)
    const client = await openRaw(port)
    client.sendHead('GET /slow HTTP/1.1', 'Host: a').sendHead('GET /2 HTTP/1.1', 'Host: a')
    client.sendHead('GET /ws HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await eventually(() => slow.length === 1, 'the first is there')
    client.send('later')
    slow[0]?.()
    await client.until('<echo later>')
    expect(client.received.indexOf('<GET /2 0>')).toBeLessThan(client.received.indexOf('101 Switching'))
    client.send('more')
    await client.until('<echo more>')
  })

  it('has its head excused that was cut in two, and no head after it', async () => {
    const { server, slow } = await startEcho()
    const { port } = await listen(server.url, { timeouts: { requestHeadMs: 1_000 } })
    const client = await openRaw(port)
    client.send(
      'GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHo',
    )
    await eventually(() => slow.length === 1, 'the first is there')
    client.send('st: a\r\n\r\n')
    // Node has looked at the clock by then: it has ended another one's head, that began later.
    const late = await openRaw(port)
    late.send('GET / HT')
    expect(await late.untilClosed()).toMatch(/^HTTP\/1\.1 408 /)
    slow[0]?.()
    await client.until('<GET /3 0>')
    expect(answersIn(client)).toEqual(['GET /slow 0', 'GET /2 0', 'GET /3 0'])
    client.send('GET /4 HT')
    expect(await client.untilClosed(30_000)).toMatch(/HTTP\/1\.1 408 /)
  })
})

it("a host's own routes get theirs in their turn", async () => {
  const { server, slow, asked } = await startEcho()
  const proxy = createProxy({ config: routeWith({ rule: 'Path:/slow,/proxied' }, server), status: {} })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const own: string[] = []
  const front = await startServer((req, res) => {
    const answer = () => {
      own.push(req.url ?? '')
      setImmediate(() => res.end(`<own ${req.url}>`))
    }
    proxy.statusHandler(req, res, () => proxy.handler(req, res, answer))
  })
  const client = await openRaw(front.port)
  for (const path of ['/own/1', '/slow', '/own/2', '/ping', '/proxied', '/own/3'])
    client.sendHead(`GET ${path} HTTP/1.1`, 'Host: a')
  await eventually(() => slow.length === 1, 'the slow one is there')
  expect({ own, asked: asked() }).toEqual({ own: ['/own/1'], asked: 1 })
  slow[0]?.()
  await client.until('<own /own/3>')
  expect(client.received.match(/<[^>]*>|OK$/gm)).toEqual(
    expect.arrayContaining(['<own /own/1>', '<GET /slow 0>', '<own /own/2>', '<GET /proxied 0>']),
  )
  expect(own).toEqual(['/own/1', '/own/2', '/own/3'])
  expect(server.connections).toBe(1)
})

describe('a connection whose requests wait', () => {
  it.each([
    ['requests', 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['bodies', post('/slow', 40_000)],
    [
      'upgrades that are served as plain requests',
      'GET /slow HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    ],
  ])('is read no further, however much is sent: %s', async (_, request) => {
    const { server, slow, asked } = await startEcho()
    const proxy = createProxy({ config: routeTo(server) })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.ready()
    const front = await startServer(undefined as never)
    front.server.removeAllListeners('request')
    proxy.attach(front.server)
    let emitted = 0
    front.server.on('request', () => {
      emitted += 1
    })
    const client = await openRaw(front.port)
    for (let sent = 0; sent < 20_000_000; sent += 1_000 * request.length) client.send(request.repeat(1_000))
    await eventually(() => slow.length === 1, 'the first is there')
    const [socket] = front.sockets
    const read = await settled(() => socket?.bytesRead ?? 0)
    expect(read).toBeLessThan(1_000_000)
    expect(emitted).toBeLessThan(3_000)
    expect(client.closed).toBe(false)
    expect(asked()).toBe(1)
    client.reset()
    slow[0]?.()
  })
})

describe('more requests wait than a proxy keeps', () => {
  it('so the connection with the most of them ends, and no other', async () => {
    const { server, slow } = await startEcho()
    const { port } = await listen(server.url)
    const modest = await openRaw(port)
    modest.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10))
    const greedy: RawConnection[] = []
    for (let n = 0; n < 8; n++) {
      const client = await openRaw(port)
      client.send('GET /slow HTTP/1.1\r\nHost:a\r\n\r\n'.repeat(2_000))
      greedy.push(client)
    }
    await eventually(() => greedy.filter(({ closed }) => closed).length >= 3, 'some were ended')
    expect(greedy.filter(({ closed }) => !closed).length).toBeGreaterThanOrEqual(3)
    expect(modest.closed).toBe(false)
    for (let n = 0; n < 10; n++) {
      await eventually(() => {
        for (const answer of slow.splice(0)) answer()
        return answersIn(modest).length > n
      }, `answer ${n}`)
    }
  })
})

it('waits behind TLS too', async () => {
  const { server, slow } = await startEcho()
  const proxy = createProxy({ config: routeTo(server) })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const { cert, key } = await (await Authority.create('authority')).sign()
  const own = createServer({ cert, key }, proxy.handler)
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void own.close())
  const { port } = own.address() as { port: number }
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  onTestFinished(() => void client.destroy())
  let received = ''
  client.on('data', (chunk) => {
    received += chunk
  })
  client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3_000))
  for (let n = 0; n < 20; n++) {
    await eventually(() => slow.length === n + 1, `request ${n} is there`)
    slow[n]?.()
  }
  await eventually(() => received.split('<GET /slow 0>').length === 21, 'all answers')
  expect(server.connections).toBe(1)
})
