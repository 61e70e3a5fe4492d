import type { Duplex } from 'node:stream'
import { createProxy, type ProviderConfig, type ProxyOptions, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, startNamed, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

async function open(
  config: ProviderConfig,
  options: Partial<ProxyOptions> = {},
): Promise<{ proxy: ReverseProxy; port: number }> {
  const proxy = createProxy({ config, ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  return { proxy, port }
}

const all = (url: string): ProviderConfig => ({
  frontends: { all: { backend: 'all', rule: 'PathPrefix:/' } },
  backends: { all: { servers: { only: { url } } } },
})

// Newer Nodes count headers into the size of the head, and refuse so many with 431 before anybody sees them.
describe('two thousand headers', () => {
  const junk = Array.from({ length: 2_100 }, () => 'a:')

  it('do not hide the client address that a trusted proxy puts behind them', async () => {
    const inside = await startNamed('inside')
    const outside = await startNamed('outside')
    const config = {
      frontends: {
        inside: { backend: 'inside', rule: 'ClientIP:127.0.0.0/8' },
        outside: { backend: 'outside', rule: 'PathPrefix:/', priority: 1 },
      },
      backends: {
        inside: { servers: { s: { url: inside.url } } },
        outside: { servers: { s: { url: outside.url } } },
      },
    }
    const { port } = await open(config, { trustedProxies: ['127.0.0.1'] })
    const client = await openRaw(port)
    client.sendHead(
      'GET / HTTP/1.1',
      'Host: a.b',
      ...junk,
      'X-Forwarded-For: 203.0.113.9',
      'Connection: close',
    )
    expect(await client.untilClosed()).toMatch(/(outside|^HTTP\/1\.1 431 [\s\S]*)$/)
  })

  it.each([
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
    ['Content-Length: 5', 'hello'],
  ])('do not hide a body framed behind them by %s', async (framing, body) => {
    const server = await startServer((req, res) => void req.pipe(res))
    const { port } = await open(all(server.url))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a.b', 'Connection: close', ...junk, framing).send(body)
    expect(await client.untilClosed()).toMatch(/hello|^HTTP\/1\.1 431 /)
  })

  it.each([['Connection: close'], ['Connection: upgrade', 'Upgrade: h2c']])(
    "are refused on a host's own server, which shows only some of them: %s",
    async (...headers) => {
      const server = await startNamed('server')
      const { proxy } = await open(all(server.url))
      const own = await startServer(proxy.handler)
      own.server.on('upgrade', proxy.upgrade)
      const client = await openRaw(own.port)
      client.sendHead('GET / HTTP/1.1', 'Host: a.b', ...headers, ...junk)
      expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 (400|431) /)
      expect(server.connections).toBe(0)
    },
  )
})

describe('a stranger', () => {
  it.each(['X-Forwarded-Proto: https', 'X-Real-Ip: 10.0.0.1', 'X_Forwarded_Proto: https'])(
    'does not get by a rule with a forged %s',
    async (header) => {
      const secret = await startNamed('secret')
      const open_ = await startNamed('open')
      const { port } = await open({
        frontends: {
          proto: { backend: 'secret', rule: 'Headers:X-Forwarded-Proto,https' },
          twin: { backend: 'secret', rule: 'Headers:X_Forwarded_Proto,https' },
          real: { backend: 'secret', rule: 'Headers:X-Real-Ip,10.0.0.1' },
          all: { backend: 'open', rule: 'PathPrefix:/', priority: 1 },
        },
        backends: {
          secret: { servers: { s: { url: secret.url } } },
          open: { servers: { s: { url: open_.url } } },
        },
      })
      const client = await openRaw(port)
      client.sendHead('GET / HTTP/1.1', 'Host: a.b', header, 'Connection: close')
      expect(await client.untilClosed()).toMatch(/open$/)
    },
  )
})

describe('requests pipelined behind a slow one', () => {
  it('are over when their client leaves, and keep nothing open', async () => {
    let small = 0
    let underWay = 0
    const server = await startServer((req, res) => {
      underWay += 1
      res.on('close', () => {
        underWay -= 1
      })
      if (req.url === '/slow') return
      small += 1
      res.end('ok')
    })
    const { proxy, port } = await open(all(server.url), { limits: { pipelined: 21 } })
    let finished = 0
    proxy.on('requestFinished', () => {
      finished += 1
    })
    for (let round = 1; round <= 10; round++) {
      const client = await openRaw(port)
      client.sendHead('GET /slow HTTP/1.1', 'Host: a.b')
      for (let n = 0; n < 20; n++) client.sendHead('GET /small HTTP/1.1', 'Host: a.b')
      await eventually(() => small === round * 20, 'all have arrived')
      client.reset()
    }
    await eventually(() => finished === 210, 'every request is over')
    await eventually(() => underWay === 0, 'nothing is left at the server')
  })
})

describe('a WebSocket', () => {
  it('whose server has said all still takes what the client says', async () => {
    let got = ''
    const server = await startServer(() => {})
    server.server.on('upgrade', (_req, socket: Duplex) => {
      socket.on('data', (chunk: Buffer) => {
        got += chunk
      })
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.end('last words')
    })
    const { port } = await open(all(server.url))
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await eventually(() => client.ended, 'the server has ended')
    client.send('my last words')
    client.socket.end()
    await eventually(() => got === 'my last words', 'the server reads on')
  })
})
