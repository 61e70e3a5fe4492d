import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { RequestFailed, RequestFinished } from 'switchover'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import {
  openRaw,
  routeTo,
  settled,
  startMisbehaving,
  startNamed,
  startServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const MB = 1024 * 1024

async function open(target: { url: string }, options: Partial<ProxyOptions> = {}) {
  const proxy = createProxy({ config: routeTo(target), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: RequestFailed[] = []
  const finished: RequestFinished[] = []
  proxy.on('requestFailed', (event) => failed.push(event))
  proxy.on('requestFinished', (event) => finished.push(event))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  return { proxy, port, failed, finished }
}

/** A server that switches to whatever is asked for and sends back what comes, `echo: ` before it. */
async function startEcho() {
  const sockets: Socket[] = []
  const server = await startServer((_req, res) => void res.end('plain'))
  server.server.on('upgrade', (req, socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('end', () => socket.end('bye'))
    socket.on('data', (chunk) => socket.write(`echo: ${chunk}`))
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${req.headers.upgrade}\r\n\r\n`,
    )
  })
  return { url: server.url, sockets, server }
}

async function openTunnel(port: number, protocol = 'websocket') {
  const client = await openRaw(port, { allowHalfOpen: true })
  client.sendHead('GET /x HTTP/1.1', 'Host: a', 'Connection: Upgrade', `Upgrade: ${protocol}`)
  await client.until('\r\n\r\n')
  return client
}

describe('a WebSocket', () => {
  it('carries 100 MB each way at once, whole and in order, to slow readers', {
    timeout: 60_000,
  }, async () => {
    const size = 100 * MB
    const message = Buffer.alloc(MB, 'w')
    const expected = createHash('md5')
    for (let sent = 0; sent < size; sent += MB) expected.update(message)
    const whole = expected.digest('hex')

    const talk = async (socket: WebSocket): Promise<string> => {
      const digest = createHash('md5')
      let taken = 0
      const all = new Promise<string>((resolve) => {
        socket.on('message', (data: RawData) => {
          digest.update(data as Buffer)
          taken += (data as Buffer).length
          // A slow reader: it stops after every 10 MB for a while.
          if (taken % (10 * MB) === 0) {
            socket.pause()
            setTimeout(() => socket.resume(), 20)
          }
          if (taken === size) resolve(digest.digest('hex'))
        })
      })
      for (let sent = 0; sent < size; sent += MB)
        await new Promise<void>((resolve) => socket.send(message, () => resolve()))
      return all
    }

    const server = await startServer(() => {})
    const sockets = new WebSocketServer({ server: server.server })
    const heard = new Promise<string>((resolve) =>
      sockets.on('connection', (socket) => resolve(talk(socket))),
    )
    const { port, finished } = await open(server)
    const client = new WebSocket(`ws://127.0.0.1:${port}/`)
    onTestFinished(() => client.terminate())
    await once(client, 'open')
    expect(await Promise.all([talk(client), heard])).toEqual([whole, whole])
    client.close()
    await eventually(() => finished.length === 1, 'the report')
    expect(finished[0]).toMatchObject({ status: 101, path: '/' })
  })

  it('whose server does not read holds the client back', async () => {
    const echo = await startServer(() => {})
    let end: Socket | undefined
    echo.server.on('upgrade', (_req, socket: Socket) => {
      end = socket.on('error', () => {}).pause()
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
    const { port } = await open(echo)
    const client = await openTunnel(port)
    let sent = 0
    const chunk = Buffer.alloc(64 * 1024)
    const write = () => {
      while (sent < 96 * MB) {
        sent += chunk.length
        if (!client.socket.write(chunk)) return void client.socket.once('drain', write)
      }
    }
    write()
    expect(await settled(() => sent)).toBeLessThan(48 * MB)
    expect(end?.destroyed).toBe(false)
  })
})

describe('another protocol', () => {
  it.each(['echo', 'Echo', 'ECHO'])('that upgrades allows is tunnelled: %s', async (token) => {
    const { port } = await open(await startEcho(), { upgradeProtocols: ['eCHo'] })
    const client = await openTunnel(port, token)
    expect(client.received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*Upgrade: echo\r\n/)
    client.send('hello')
    await client.until('echo: hello')
    // Half-open: the server hears the end, and still has something to say.
    client.socket.end()
    await client.until(/bye$/)
  })

  it('that it does not is a plain request', async () => {
    const { port } = await open(await startEcho())
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: echo')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*plain/)
  })
})

describe('an upgrade', () => {
  it.each(['end', 'destroy'] as const)(
    'whose client talks before it may, and leaves before the answer (%s), is told to the server',
    async (how) => {
      let arrived: Socket | undefined
      const server = await startMisbehaving((socket) => {
        arrived = socket
      })
      const { port, finished } = await open(server)
      const client = await openRaw(port)
      client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
      await eventually(() => arrived !== undefined, 'the request arrives')
      client.send('early bytes')
      client.socket[how]()
      await eventually(() => arrived?.closed === true, 'the server is left', 30_000)
      await eventually(() => finished.length === 1, 'the report')
      expect(finished[0]).toMatchObject({ status: 499 })
      await client.untilClosed()
    },
  )

  it('brings all that its client said early, however much, and in order', async () => {
    const server = await startMisbehaving((socket) => {
      setImmediate(() =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      )
    })
    const { port } = await open(server)
    const client = await openRaw(port)
    const early = Array.from({ length: 40_000 }, (_, n) => `${n};`).join('')
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket').send(early)
    await eventually(() => (server.received[0] ?? '').endsWith('39999;'), 'all of it')
    expect(server.received[0]?.endsWith(`\r\n\r\n${early}`)).toBe(true)
  })

  it('that meets a connection which the server was just closing goes over a fresh one', async () => {
    let heads = 0
    const server = await startMisbehaving((socket) => {
      heads += 1
      if (heads === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      else if (heads === 2) socket.resetAndDestroy()
      else
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi',
        )
    })
    const { port, proxy } = await open(server)
    const first = await openRaw(port)
    first.sendHead('GET / HTTP/1.1', 'Host: a')
    await first.until('ok')
    const client = await openTunnel(port)
    await client.until('hi')
    client.send('more')
    await eventually(() => server.received.some((text) => text.endsWith('more')), 'it is a tunnel')
    await proxy.close({ drainMs: 0 })
    await eventually(() => client.ended || client.closed, 'it is cut')
    await eventually(() => server.sockets.size === 0, 'the server is left')
  })
})

describe('upgradeIdleMs', () => {
  it('cuts a tunnel without a byte, on both sides, and not one through which some come', async () => {
    const echo = await startEcho()
    const { port, failed } = await open(echo, { timeouts: { upgradeIdleMs: 1_000 } })
    const [idle, busy] = [await openTunnel(port), await openTunnel(port)]
    const talk = setInterval(() => busy.send('x'), 100)
    onTestFinished(() => clearInterval(talk))
    await eventually(() => idle.closed || idle.ended, 'the idle one is cut', 30_000)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({ status: 101, error: { code: 'PROXY_UPGRADE_IDLE' } })
    expect([busy.closed, busy.ended]).toEqual([false, false])
    await eventually(() => echo.server.sockets.size === 1, 'its server is left')
  })
})

describe('retireAfterMs', () => {
  it('cuts what is upgraded as well, when its server is in no configuration any more', async () => {
    const echo = await startEcho()
    const other = await startNamed('other')
    let deliver: ((config: ReturnType<typeof routeTo>) => void) | undefined
    const proxy = createProxy({
      providers: [
        {
          name: 'mine',
          async start(sink) {
            deliver = (config) => void sink.update(config)
            deliver(routeTo(echo))
          },
          async stop() {},
        },
      ],
      timeouts: { retireAfterMs: 1_000 },
    })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const failed: RequestFailed[] = []
    proxy.on('requestFailed', (event) => failed.push(event))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()
    const client = await openTunnel(port)
    deliver?.(routeTo(other))
    await eventually(() => proxy.state.generation === 2, 'the swap')
    client.send('still here')
    await client.until('echo: still here')
    await eventually(() => client.closed || client.ended, 'it is cut', 30_000)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({ status: 101, error: { code: 'PROXY_SERVER_RETIRED' } })
  })
})
