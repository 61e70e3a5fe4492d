import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createRaw } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import { createProxy, type ProviderConfig, type ProxyOptions, type RequestFinished } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { DOORS, openDoor, openDoorByDescriptor } from '../support/doors.js'
import { startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { RawConnection } from '../support/raw-connection.js'

/** A proxy before a server that keeps what it was sent, with a frontend for each way to ask for a client's address. */
async function start(options: Partial<ProxyOptions> = {}, more: ProviderConfig['frontends'] = {}) {
  const seen: string[][] = []
  const server = await startServer((req, res) => {
    seen.push(req.rawHeaders)
    res.end('served')
  })
  const sockets = new WebSocketServer({ server: server.server })
  onTestFinished(() => sockets.close())
  const { url } = server
  const proxy = createProxy({
    config: {
      frontends: {
        allowed: { backend: 'pool', rule: 'Host:allow.test;ClientIP:198.51.100.0/24,2001:470::/32' },
        // Text of Traefik 3's form, data, and two routes: who is in the range is kept out.
        denied: { backend: 'pool', rule: 'Host(`deny.test`) && !ClientIP(`203.0.113.0/24`)' },
        deniedByData: { backend: 'pool', rule: { host: 'data.test', not: { clientIp: '203.0.113.0/24' } } },
        deniedByAny: {
          backend: 'pool',
          rule: {
            host: 'any.test',
            not: { any: [{ clientIp: '203.0.113.0/24' }, { headers: { 'X-Bad': 'yes' } }] },
          },
        },
        deniedByRoute: {
          backend: 'pool',
          routes: { host: { rule: 'Host:route.test' }, from: { rule: '!ClientIP(`203.0.113.0/24`)' } },
        },
        deniedAlone: { backend: 'pool', rule: '!ClientIP(`0.0.0.0/0`) && !ClientIP(`::/0`)' },
        listed: {
          backend: 'pool',
          rule: 'Host:list.test',
          whiteList: { sourceRange: ['0.0.0.0/0', '::/0'], useXForwardedFor: true },
        },
        open: { backend: 'pool', rule: 'Host:open.test' },
        ...more,
      },
      backends: { pool: { servers: { only: { url } } } },
    },
    trustedProxies: ['127.0.0.1', 'unix'],
    ...options,
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const finished: RequestFinished[] = []
  proxy.on('requestFinished', (event) => finished.push(event))
  await proxy.ready()
  return { proxy, seen, finished }
}

const statusOf = (response: string): string => /^HTTP\/1\.1 (\d+)/.exec(response)?.[1] ?? response
const HOSTS = ['allow.test', 'deny.test', 'data.test', 'any.test', 'route.test', 'list.test']

/** What became of a request for each host, in the order of `HOSTS`. */
type Outcome = readonly string[]
const IN_NEITHER: Outcome = ['404', '200', '200', '200', '200', '200']
const IN_ALLOWED: Outcome = ['200', '200', '200', '200', '200', '200']
const IN_DENIED: Outcome = ['404', '404', '404', '404', '404', '200']
const WITHOUT: Outcome = ['404', '404', '404', '404', '404', '403']

const CHAINS: readonly (readonly [lines: string[], Outcome])[] = [
  [['X-Forwarded-For: 198.51.100.7'], IN_ALLOWED],
  [['X-Forwarded-For: 203.0.113.7'], IN_DENIED],
  [['X-Forwarded-For: 192.0.2.7'], IN_NEITHER],
  [['X-Forwarded-For: 198.51.100.7:41234'], IN_ALLOWED],
  [['X-Forwarded-For: 203.0.113.7:41234'], IN_DENIED],
  [['X-Forwarded-For: [2001:470::7]'], IN_ALLOWED],
  [['X-Forwarded-For: [2001:470::7]:443'], IN_ALLOWED],
  [['X-Forwarded-For: 2001:0470:0:0::7%eth0'], IN_ALLOWED],
  [['X-Forwarded-For: [::ffff:203.0.113.7]:443'], IN_DENIED],
  [['X-Forwarded-For: 203.0.113.7, , ,'], IN_DENIED],
  [['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 203.0.113.7:1', 'X-Forwarded-For: '], IN_DENIED],
  [['X-Forwarded-For: unknown'], WITHOUT],
  [['X-Forwarded-For: _x'], WITHOUT],
  [['X-Forwarded-For: 198.51.100.7, <rubbish>'], WITHOUT],
  [['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-For: unknown, 127.0.0.1'], WITHOUT],
]
const WEB_SOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

describe.each(DOORS.flatMap((door) => [[door, 'tcp'] as const, [door, 'unix'] as const]))(
  'a client behind a proxy that comes by %s over %s',
  (door, over) => {
    it.each([
      ['HTTP/1.1', ['Connection: close']],
      ['HTTP/1.0', []],
    ] as const)('is known by the address that the proxy says, in %s', async (version, last) => {
      const { proxy } = await start()
      const send = await openDoor(proxy, door, over)
      for (const [lines, outcome] of CHAINS) {
        const asked = HOSTS.map((host) => send(`GET / ${version}`, `Host: ${host}`, ...lines, ...last))
        expect([lines, (await Promise.all(asked)).map(statusOf)]).toEqual([lines, outcome])
      }
    })

    it('is known when it upgrades', async () => {
      const { proxy } = await start()
      const send = await openDoor(proxy, door, over)
      for (const [lines, [, outcome]] of CHAINS.filter(([, each]) => each[1] !== '200')) {
        const response = await send('GET / HTTP/1.1', 'Host: deny.test', ...lines, ...WEB_SOCKET)
        expect([lines, statusOf(response)]).toEqual([lines, outcome])
      }
      // An upgrade that nobody takes is served as the plain request that it is too.
      for (const [lines, [outcome]] of CHAINS) {
        const asked = ['GET / HTTP/1.1', 'Host: allow.test', ...lines]
        const response = await send(...asked, 'Connection: Upgrade', 'Upgrade: h2c')
        expect([lines, statusOf(response)]).toEqual([lines, outcome])
      }
    })
  },
)

describe('a Unix socket that was handed over by its descriptor', () => {
  it.each([
    [['unix'], '200'],
    [['127.0.0.1'], '404'],
  ])(
    'is one to those who trust %j',
    async (trustedProxies, status) => {
      const { url } = await startServer((_req, res) => void res.end('served'))
      const send = await openDoorByDescriptor({
        config: {
          frontends: { allowed: { backend: 'pool', rule: 'ClientIP:198.51.100.0/24' } },
          backends: { pool: { servers: { only: { url } } } },
        },
        trustedProxies,
      })
      const asked = ['GET / HTTP/1.1', 'Host: a', 'X-Forwarded-For: 198.51.100.7:1', 'Connection: close']
      expect(statusOf(await send(...asked))).toBe(status)
    },
    30_000,
  )
})

describe('a client without an address', () => {
  it('is not told to servers, is in events and logs as the peer, and matches no rule that needs an address', async () => {
    const lines: string[] = []
    const stream = { write: (line: string) => lines.push(line) > 0 } as unknown as NodeJS.WritableStream
    const { proxy, seen, finished } = await start({ accessLog: { stream, format: 'json' } as never })
    const send = await openDoor(proxy, 'listen', 'tcp')
    await send('GET / HTTP/1.1', 'Host: open.test', 'X-Forwarded-For: 9.9.9.9, unknown', 'Connection: close')
    await eventually(() => finished.length === 1 && lines.length === 1, 'the request is told')
    expect(finished[0]).toMatchObject({ frontend: 'open@static', clientAddress: '127.0.0.1' })
    expect(JSON.parse(lines[0] as string)).toMatchObject({ ClientHost: '127.0.0.1' })
    const [headers = []] = seen
    expect(headers[headers.indexOf('X-Forwarded-For') + 1]).toBe('9.9.9.9, unknown, 127.0.0.1')
    expect(headers.map((name) => name.toLowerCase())).not.toContain('x-real-ip')
  })

  it('is not invented where a trusted Unix socket has none to add', async () => {
    const { proxy, seen } = await start({ forwardedHeader: true })
    const send = await openDoor(proxy, 'listen', 'unix')
    const told = async (...lines: string[]) => {
      await send('GET / HTTP/1.1', 'Host: open.test', ...lines, 'Connection: close')
      const headers = seen.pop() ?? []
      const shown = (name: string) => headers[headers.indexOf(name) + 1]?.replace(/_switchover-\w+/, '_ID')
      return ['X-Forwarded-For', 'X-Real-Ip', 'Forwarded'].map((name) =>
        headers.includes(name) ? shown(name) : undefined,
      )
    }
    const ours = 'for=unknown;by=_ID;host="open.test";proto=http'
    expect(await told()).toEqual([undefined, undefined, ours])
    expect(await told('X-Forwarded-For: 203.0.113.7:1, ')).toEqual([
      '203.0.113.7:1',
      '203.0.113.7',
      `for=203.0.113.7, ${ours}`,
    ])
  })

  it('has no way in by an own rule of contraries', async () => {
    const { proxy } = await start()
    const send = await openDoor(proxy, 'listen', 'tcp')
    const ask = (chain: string) =>
      send('GET / HTTP/1.1', 'Host: other.test', `X-Forwarded-For: ${chain}`, 'Connection: close')
    expect(statusOf(await ask('unknown'))).toBe('404')
    expect(statusOf(await ask('1.1.1.1'))).toBe('404')
  })

  it('of a Unix socket that is not trusted has none, whatever it says', async () => {
    const { proxy } = await start({ trustedProxies: ['127.0.0.1'] })
    for (const door of DOORS) {
      const send = await openDoor(proxy, door, 'unix')
      const asked = HOSTS.map((host) =>
        send('GET / HTTP/1.1', `Host: ${host}`, 'X-Forwarded-For: 198.51.100.7', 'Connection: close'),
      )
      expect([door, (await Promise.all(asked)).map(statusOf)]).toEqual([door, WITHOUT])
    }
  })
})

describe('a stream of the host that is no socket', () => {
  it('is not trusted as a Unix socket, though it has no address either', async () => {
    const { proxy } = await start({ trustedProxies: ['unix'] })
    const server = createServer()
    proxy.attach(server)
    const [ours, theirs] = duplexPair()
    server.emit('connection', theirs)
    let received = ''
    ours.setEncoding('latin1').on('data', (chunk) => {
      received += chunk
    })
    ours.write(
      'GET / HTTP/1.1\r\nHost: allow.test\r\nX-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n\r\n',
    )
    await eventually(() => received.includes('\r\n\r\n'), 'an answer')
    expect(statusOf(received)).toBe('404')
  })
})

describe('a TCP connection that is reset, whose peer the system no longer knows', () => {
  it('is never taken for a Unix socket', async () => {
    const { proxy, finished } = await start({ trustedProxies: ['unix'] })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const forged = ['GET / HTTP/1.1', 'Host: allow.test', 'X-Forwarded-For: 198.51.100.7']
    for (let count = 0; count < 200; count += 1) {
      const client = await RawConnection.open(port)
      client.sendHead(...forged)
      client.socket.resetAndDestroy()
    }
    // One that stays, behind all of them.
    const last = await RawConnection.open(port)
    last.sendHead(...forged, 'Connection: close')
    expect(statusOf(await last.untilClosed())).toBe('404')
    const told = new Set(finished.map(({ clientAddress }) => clientAddress))
    expect(told).not.toContain('198.51.100.7')
    expect(told.size).toBeGreaterThan(0)
  })
})

describe('a server whose connections come from another one', () => {
  it('trusts those of a Unix socket', async () => {
    const { proxy } = await start({ trustedProxies: ['unix'] })
    const server = createServer()
    proxy.attach(server)
    const folder = mkdtempSync(join(tmpdir(), 'front-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'front.sock')
    const front = createRaw((socket) => server.emit('connection', socket))
    await new Promise<void>((resolve) => front.listen(path, resolve))
    onTestFinished(() => void front.close())
    const client = await RawConnection.open(0, { path })
    client.sendHead(
      'GET / HTTP/1.1',
      'Host: allow.test',
      'X-Forwarded-For: 198.51.100.7:1',
      'Connection: close',
    )
    expect(statusOf(await client.untilClosed())).toBe('200')
  })
})

describe('limits by client', () => {
  it('count one client once, however its address is written, and one without by its peer', async () => {
    let held = 0
    const answers: (() => void)[] = []
    const server = await startServer((_req, res) => {
      held += 1
      answers.push(() => res.end('served'))
    })
    const proxy = createProxy({
      config: {
        frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
        backends: {
          pool: {
            servers: { only: { url: server.url } },
            maxConn: { amount: 1, extractorFunc: 'client.ip' },
          },
        },
      },
      trustedProxies: ['127.0.0.0/8'],
    })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.ready()
    const send = await openDoor(proxy, 'listen', 'tcp')
    const ask = (chain: string) =>
      send('GET / HTTP/1.1', 'Host: a.test', `X-Forwarded-For: ${chain}`, 'Connection: close')
    for (const [one, ...others] of [
      ['2001:470::1', '2001:0470:0:0:0:0:0:1', '[2001:470::1]:80', '2001:470::1%eth0', '[2001:470::0001]'],
      ['203.0.113.7', '203.0.113.7:1', '::ffff:203.0.113.7', '::FFFF:cb00:7107'],
      ['unknown', '_x', '127.0.0.1', '<rubbish>', '127.0.0.1, '],
    ] as const) {
      const before: number = held
      const first = ask(one)
      await eventually(() => held === before + 1, 'the first is under way')
      for (const other of others) expect([other, statusOf(await ask(other))]).toEqual([other, '429'])
      answers.pop()?.()
      expect(statusOf(await first)).toBe('200')
    }
    expect(held).toBe(3)
  })
})

describe('trust of entry points', () => {
  it('is that of the entry point by which a request comes', async () => {
    const { proxy, finished } = await start({
      trustedProxies: ['127.0.0.1'],
      entryPoints: { inner: { trustedProxies: ['unix'] }, outer: { trustedProxies: [] }, same: {} },
    })
    const clientOf = async (door: 'listen' | 'attach', over: 'tcp' | 'unix', entryPoint?: string) => {
      const send = await openDoor(proxy, door, over, entryPoint)
      const before = finished.length
      await send('GET / HTTP/1.1', 'Host: open.test', 'X-Forwarded-For: 203.0.113.7:1', 'Connection: close')
      await eventually(() => finished.length === before + 1, 'the request is told')
      return finished.at(-1)?.clientAddress
    }
    for (const door of ['listen', 'attach'] as const) {
      expect(await clientOf(door, 'unix', 'inner')).toBe('203.0.113.7')
      expect(await clientOf(door, 'tcp', 'inner')).toBe('127.0.0.1')
      expect(await clientOf(door, 'tcp', 'outer')).toBe('127.0.0.1')
      expect(await clientOf(door, 'tcp', 'same')).toBe('203.0.113.7')
      expect(await clientOf(door, 'tcp', 'not named')).toBe('203.0.113.7')
      expect(await clientOf(door, 'tcp')).toBe('203.0.113.7')
      expect(await clientOf(door, 'unix')).toBe('')
    }
  })

  it('holds for upgrades too', async () => {
    const { proxy } = await start({
      trustedProxies: ['127.0.0.1'],
      entryPoints: { outer: { trustedProxies: [] } },
    })
    const ask = async (entryPoint: string) => {
      const send = await openDoor(proxy, 'attach', 'tcp', entryPoint)
      const lines = ['Host: allow.test', 'X-Forwarded-For: 203.0.113.7', ...WEB_SOCKET]
      return statusOf(await send('GET / HTTP/1.1', ...lines))
    }
    expect(await ask('outer')).toBe('404')
    expect(await ask('inner')).toBe('404')
  })
})
