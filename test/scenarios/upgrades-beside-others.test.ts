import { once } from 'node:events'
import {
  createServer as createPlain,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { createProxy, type ProviderConfig, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { catchFatal, catchWarnings } from '../support/catch-uncaught.js'
import { Authority } from '../support/etcd-tls.js'
import { openRaw, startServer, TestServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { RawConnection } from '../support/raw-connection.js'

/** What a WebSocket asks for. */
function ask(path: string, ...more: string[]): string[] {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: a',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...more,
  ]
}

function echoing(sockets: WebSocketServer, name: string): WebSocketServer {
  sockets.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data) => socket.send(`${name} ${data}`))
  })
  return sockets
}

/** A server behind the proxy, with WebSockets; counts upgrades that it hears of. */
async function startBehind() {
  const server = await startServer((_req, res) => res.end('behind'))
  const upgrades: (string | undefined)[] = []
  server.server.on('upgrade', (req) => upgrades.push(req.url))
  echoing(new WebSocketServer({ server: server.server }), 'behind')
  return { url: server.url, upgrades }
}

function routes(url: string, rule = 'PathPrefix:/behind'): ProviderConfig {
  return {
    frontends: { behind: { backend: 'behind', rule } },
    backends: { behind: { servers: { one: { url } } } },
  }
}

async function makeProxy(config: ProviderConfig, isReady = true): Promise<ReverseProxy> {
  const waiting = { name: 'waiting', start: async () => {}, stop: async () => {} }
  const proxy = createProxy(isReady ? { config } : { providers: [waiting] })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  if (isReady) await proxy.ready()
  return proxy
}

async function startHost(isSecure = false): Promise<{ server: Server; port: number; isSecure: boolean }> {
  const server = isSecure ? createSecure(await (await Authority.create('host')).sign()) : createPlain()
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, port: (server.address() as AddressInfo).port, isSecure }
}

/** What a WebSocket gets back for a message, or the status by which it was refused. */
async function sayTo(port: number, path: string, isSecure = false): Promise<string> {
  const url = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`
  const socket = new WebSocket(url, { rejectUnauthorized: false })
  onTestFinished(() => socket.terminate())
  return new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'))
    socket.on('message', (data) => resolve(String(data)))
    socket.on('unexpected-response', (_req, res) => resolve(String(res.statusCode)))
    socket.on('error', (error) => reject(error))
  })
}

/** Heads of responses in what came. */
function heads(received: string): string[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string)
}

const OTHERS: readonly [string, (server: Server) => void][] = [
  ['ws on the server', (server) => void new WebSocketServer({ server })],
  ['ws with a path', (server) => void new WebSocketServer({ server, path: '/own' })],
  ['a listener', (server) => void server.on('upgrade', () => {})],
  ['a listener of one upgrade', (server) => void server.once('upgrade', () => {})],
]

describe('an upgrade behind a response that goes on', () => {
  it.each(['before', 'after'])('is answered beside a listener that leaves it, added %s', async (when) => {
    const behind = await startBehind()
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes(behind.url))
    const held: ServerResponse[] = []
    server.on('request', (_req, res) => {
      res.write('begun')
      held.push(res)
    })
    // Pieces of the response before leave in the turn in which the others have their say.
    const other = () => held[0]?.write('on')
    if (when === 'before') server.on('upgrade', other)
    server.on('upgrade', proxy.upgrade)
    if (when === 'after') server.on('upgrade', other)
    const client = await openRaw(port)
    client.send([...ask('/held'), '', ''].filter((line) => !/^(Upgrade|Connection)/.test(line)).join('\r\n'))
    client.sendHead(...ask('/behind/a'))
    await client.until('on\r\n')
    held[0]?.end()
    await client.until(/101 Switching Protocols[\s\S]*\r\n\r\n/)
    expect(heads(client.received)).toEqual(['200', '101'])
    expect(behind.upgrades).toEqual(['/behind/a'])
  })
})

describe('attach', () => {
  describe.each([false, true])('over TLS: %s', (isSecure) => {
    it.each(OTHERS)('refuses a server that has %s, and leaves it as it was', async (_, addTo) => {
      const { server } = await startHost(isSecure)
      addTo(server)
      const before = server.eventNames().map((name) => [name, server.listenerCount(name)])
      const proxy = await makeProxy(routes('http://127.0.0.1:1'))
      expect(() => proxy.attach(server)).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: expect.stringContaining('proxy.upgrade(req, socket, head, next)'),
        }),
      )
      expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual(before)
    })

    it('leaves upgrades that no frontend matches to a listener that came later', async () => {
      const behind = await startBehind()
      const { server, port } = await startHost(isSecure)
      const proxy = await makeProxy(routes(behind.url))
      proxy.attach(server)
      const own = echoing(new WebSocketServer({ noServer: true }), 'own')
      server.on('upgrade', (req, socket, head) => {
        if (req.url === '/own') own.handleUpgrade(req, socket, head, (ws) => own.emit('connection', ws, req))
      })
      expect(await sayTo(port, '/own', isSecure)).toBe('own hello')
      expect(await sayTo(port, '/behind', isSecure)).toBe('behind hello')
      expect(behind.upgrades).toEqual(['/behind'])
    })
  })

  it.each(['/', '/behind'])(
    'writes nothing into a WebSocket of ws that takes all, be the rule %s',
    async (rule) => {
      const behind = await startBehind()
      const { server, port } = await startHost()
      const proxy = await makeProxy(routes(behind.url, `PathPrefix:${rule}`))
      proxy.attach(server)
      const own = echoing(new WebSocketServer({ server }), 'own')
      const client = await openRaw(port)
      client.sendHead(...ask('/behind/a'))
      await client.until('\r\n\r\n')
      for (const socket of own.clients) socket.send('first')
      await client.until('first')
      expect(await sayTo(port, '/behind/b')).toBe('own hello')
      expect(heads(client.received)).toEqual(['101'])
      expect(behind.upgrades).toEqual([])
    },
  )

  it('answers 404 only while it is alone', async () => {
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    proxy.attach(server)
    expect(await sayTo(port, '/x')).toBe('404')

    const held: Duplex[] = []
    const later = (_req: IncomingMessage, socket: Duplex) => void held.push(socket)
    server.on('upgrade', later)
    const client = await openRaw(port)
    client.sendHead(...ask('/x'))
    await eventually(() => held.length === 1, 'the listener is called')
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(client.received).toBe('')
    expect(untouched(held[0] as Duplex)).toEqual(UNTOUCHED)
    held[0]?.end('late, but its own')
    expect(await client.untilClosed()).toBe('late, but its own')

    server.off('upgrade', later)
    expect(await sayTo(port, '/x')).toBe('404')
  })

  it.each([
    ['alone', false, '503'],
    ['beside another listener', true, 'own hello'],
  ])('says nothing serves yet only while it is alone (%s)', async (_, isShared, expected) => {
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'), false)
    proxy.attach(server)
    if (isShared) echoing(new WebSocketServer({ server }), 'own')
    expect(await sayTo(port, '/behind')).toBe(expected)
  })

  it('refuses what is malformed only while it is alone', async () => {
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    proxy.attach(server)
    const alone = await openRaw(port)
    alone.sendHead(...ask('/behind\\x'))
    expect(heads(await alone.untilClosed())).toEqual(['400'])
    server.on('upgrade', (_req, socket) => setImmediate(() => setImmediate(() => socket.end('own'))))
    const shared = await openRaw(port)
    shared.sendHead(...ask('/behind\\x'))
    expect(await shared.untilClosed()).toBe('own')
  })

  it('stands beside a library that takes the listeners of requests over, as Socket.IO does', async () => {
    const behind = await startBehind()
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes(behind.url))
    proxy.attach(server)
    attachLikeEngineIo(server)
    const get = async (path: string, init: RequestInit = {}) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, init)).text()
    expect(await get('/engine.io/')).toBe('engine')
    expect(await get('/behind')).toBe('behind')
    expect(await get('/x')).toContain('PROXY_NO_ROUTE')
    expect(await sayTo(port, '/engine.io/')).toBe('engine hello')
    expect(await sayTo(port, '/behind')).toBe('behind hello')

    for (const [path, body] of [
      ['/engine.io/', 'engine'],
      ['/behind', 'behind'],
    ] as const) {
      const client = await openRaw(port)
      client.sendHead(
        `POST ${path} HTTP/1.1`,
        'Host: a',
        'Content-Length: 2',
        'Expect: 100-continue',
        'Connection: close',
      )
      await client.until('100 Continue')
      client.send('hi')
      expect((await client.untilClosed()).endsWith(body), client.received).toBe(true)
      expect(heads(client.received)).toEqual(['100', '200'])
    }
  })
})

/** As engine.io 6 does it in `attach`, with its defaults. */
function attachLikeEngineIo(server: Server): void {
  const isOwn = (req: IncomingMessage) => req.url?.startsWith('/engine.io/')
  const sockets = echoing(new WebSocketServer({ noServer: true }), 'engine')
  const listeners = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (req, res) => {
    if (isOwn(req)) req.resume().on('end', () => res.end('engine'))
    else for (const listener of listeners) listener.call(server, req, res)
  })
  server.on('upgrade', (req, socket, head) => {
    if (isOwn(req)) sockets.handleUpgrade(req, socket, head, (ws) => sockets.emit('connection', ws, req))
    else
      setTimeout(() => {
        if (socket.writable && (socket as Socket).bytesWritten <= 0) socket.end()
      }, 1_000).unref()
  })
}

describe('upgrade as one of several listeners', () => {
  it.each(['before', 'after'])('leaves the WebSockets of ws alone that is there %s it', async (order) => {
    const behind = await startBehind()
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes(behind.url))
    if (order === 'after') server.on('upgrade', proxy.upgrade)
    echoing(new WebSocketServer({ server }), 'own')
    if (order === 'before') server.on('upgrade', proxy.upgrade)
    for (const path of ['/x', '/behind']) {
      const client = await openRaw(port)
      client.sendHead(...ask(path))
      await client.until('\r\n\r\n')
      expect(await sayTo(port, path)).toBe('own hello')
      expect(heads(client.received)).toEqual(['101'])
    }
    expect(behind.upgrades).toEqual([])
  })

  it('leaves a refusal of ws alone', async () => {
    const behind = await startBehind()
    const { server, port } = await startHost()
    const proxy = await makeProxy(routes(behind.url, 'PathPrefix:/'))
    echoing(new WebSocketServer({ server, path: '/own' }), 'own')
    server.on('upgrade', proxy.upgrade)
    const client = await openRaw(port)
    client.sendHead(...ask('/behind'))
    expect(heads(await client.untilClosed())).toEqual(['400'])
  })
})

const UNTOUCHED = { written: 0, flowing: null, data: 0, readable: 0, end: 0 }

function untouched(socket: Duplex) {
  return {
    written: (socket as Socket).bytesWritten,
    flowing: socket.readableFlowing,
    data: socket.listenerCount('data'),
    readable: socket.listenerCount('readable'),
    end: socket.listenerCount('end') - ENDS_OF_NODE,
  }
}

/** Node's own listener on each socket. */
const ENDS_OF_NODE = 1

interface Passed {
  readonly req: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly args: unknown[]
  readonly state: ReturnType<typeof untouched>
}

/** A host with an upgrade listener of its own that gives the proxy a `next`. */
async function startWithNext(
  proxy: ReverseProxy,
  isSecure = false,
  then: (passed: Passed) => unknown = ({ socket }) => socket.end('next'),
) {
  const host = await startHost(isSecure)
  const passed: Passed[] = []
  host.server.on('upgrade', (req, socket, head) => {
    proxy.upgrade(req, socket, head, (...args: unknown[]) => {
      const each = { req, socket, head, args, state: untouched(socket) }
      passed.push(each)
      return then(each)
    })
  })
  return { ...host, passed }
}

/** Says all that its client says until `end`. */
function repeatToTheEnd({ socket, head }: Passed): void {
  let all = ''
  const hear = (chunk: Buffer) => {
    all += chunk
    if (all.includes('end')) socket.end(`[${all}]`)
  }
  hear(head)
  socket.on('data', hear)
}

/** Sends a head and gives all that came, once the connection is closed. */
async function exchange(port: number, isSecure: boolean, lines: string[], body = ''): Promise<string> {
  const text = `${lines.join('\r\n')}\r\n\r\n${body}`
  if (!isSecure) {
    const client = await openRaw(port)
    return client.send(text).untilClosed()
  }
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.write(text)
  await eventually(() => socket.closed, 'the connection closes')
  return received
}

describe.each([false, true])('upgrade with next, over TLS: %s', (isSecure) => {
  it.each([
    ['a WebSocket', ask('/x')],
    ['another protocol', ['GET /x HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: mine']],
    [
      'h2c, where the host has no routes',
      ['GET /x HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c'],
    ],
    ['a WebSocket by POST', ['POST /x HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket']],
    ['a question about the host', ['OPTIONS * HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: mine']],
    ['HTTP/1.0', ['GET /x HTTP/1.0', 'Host: a', 'Connection: Upgrade', 'Upgrade: mine']],
  ])('is called for %s that no frontend matches, with nothing touched', async (_, lines) => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port, passed } = await startWithNext(proxy, isSecure)
    expect(await exchange(port, isSecure, lines)).toBe('next')
    expect(passed).toHaveLength(1)
    const { args, state, head } = passed[0] as Passed
    expect(args).toEqual([])
    expect(state).toEqual(UNTOUCHED)
    expect(head).toHaveLength(0)
  })

  it('gives the host what its client said early', async () => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port } = await startWithNext(proxy, isSecure, repeatToTheEnd)
    expect(await exchange(port, isSecure, ask('/x'), 'early, and the end')).toBe('[early, and the end]')
  })

  it('is not called for what a frontend matches', async () => {
    const behind = await startBehind()
    const proxy = await makeProxy(routes(behind.url))
    const { port, passed } = await startWithNext(proxy, isSecure)
    expect(await sayTo(port, '/behind', isSecure)).toBe('behind hello')
    const plain = ['GET /behind HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c']
    expect(await exchange(port, isSecure, plain)).toMatch(/^HTTP\/1\.1 200 [\s\S]*behind$/)
    expect(passed).toEqual([])
  })

  it.each([
    ['nothing serves yet', ask('/x'), false, '503'],
    ['the request is malformed', ask('/x\\y'), true, '400'],
  ])('is not called while it cannot be told: %s', async (_, lines, isReady, status) => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'), isReady)
    const { port, passed } = await startWithNext(proxy, isSecure)
    expect(heads(await exchange(port, isSecure, lines))).toEqual([status])
    expect(passed).toEqual([])
  })

  it('lets ws have what is the host’s', async () => {
    const behind = await startBehind()
    const proxy = await makeProxy(routes(behind.url))
    const own = echoing(new WebSocketServer({ noServer: true }), 'own')
    const { port } = await startWithNext(proxy, isSecure, ({ req, socket, head }) =>
      own.handleUpgrade(req, socket, head, (ws) => own.emit('connection', ws, req)),
    )
    expect(await sayTo(port, '/own', isSecure)).toBe('own hello')
    expect(await sayTo(port, '/behind', isSecure)).toBe('behind hello')
  })
})

describe('upgrade with next', () => {
  it('serves a client that asks for h2c by the routes of the host', async () => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port, server, passed } = await startWithNext(proxy)
    server.on('request', (req, res) => proxy.handler(req, res, () => res.end('own route')))
    const received = await exchange(port, false, [
      'GET /health HTTP/1.1',
      'Host: a',
      'Connection: Upgrade',
      'Upgrade: h2c',
    ])
    expect(received).toMatch(/^HTTP\/1\.1 200 [\s\S]*own route$/)
    expect(passed).toEqual([])
  })

  it('waits for the responses before it on its connection, and gives back what came meanwhile', async () => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    let finish = () => {}
    const { port, server, passed } = await startWithNext(proxy, false, repeatToTheEnd)
    server.on('request', (_req, res) => {
      finish = () => res.end('first')
    })
    const client = await openRaw(port)
    const first = `GET / HTTP/1.1\r\nHost: a\r\n\r\n${ask('/x').join('\r\n')}\r\n\r\nearly`
    client.send(first)
    const [held] = (await once(server, 'upgrade')) as [IncomingMessage]
    const rest = ', later, the end'
    client.send(rest)
    await eventually(() => held.socket.bytesRead === first.length + rest.length, 'all of it is read')
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(passed).toEqual([])
    finish()
    expect(await client.untilClosed()).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*first[\s\S]*\[early, later, the end\]$/,
    )
  })

  it('is called beside another listener as well, unless that has the socket', async () => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port, server, passed } = await startWithNext(proxy)
    server.on('upgrade', (req, socket) => {
      if (req.url === '/taken') socket.end('taken')
    })
    expect(await exchange(port, false, ask('/x'))).toBe('next')
    expect(await exchange(port, false, ask('/taken'))).toBe('taken')
    expect(passed.map(({ req }) => req.url)).toEqual(['/x'])
  })

  it('after close is called for what is the host’s; what was a frontend’s gets 503', async () => {
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port } = await startWithNext(proxy)
    await proxy.close({ drainMs: 0 })
    expect(await exchange(port, false, ask('/x'))).toBe('next')
    expect(heads(await exchange(port, false, ask('/behind')))).toEqual(['503'])
  })

  it.each([
    ['throws', () => raise('mine')],
    ['rejects', async () => raise('mine')],
  ])('that %s gives its client 500, and is told as a warning', async (_, next) => {
    const fatal = catchFatal()
    const warnings = catchWarnings()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port } = await startWithNext(proxy, false, next)
    expect(await exchange(port, false, ask('/x'))).toMatch(/^HTTP\/1\.1 500 [\s\S]*PROXY_HOOK_FAILED/)
    await eventually(() => warnings.length === 1, 'the warning')
    expect(warnings).toEqual(['SWITCHOVER_LISTENER_FAILED: next failed: mine'])
    expect(fatal).toEqual([])
  })

  it('that throws after it has written ends the connection', async () => {
    catchWarnings()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port } = await startWithNext(proxy, false, ({ socket }) => {
      socket.write('begun')
      raise('mine')
    })
    expect(await exchange(port, false, ask('/x'))).toBe('begun')
  })

  it('a client that resets while the host waits ends nothing', async () => {
    const fatal = catchFatal()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const { port, passed } = await startWithNext(proxy, false, () => {})
    const client = await RawConnection.open(port)
    client.sendHead(...ask('/x'))
    await eventually(() => passed.length === 1, 'next is called')
    // Somebody must read to see it.
    passed[0]?.socket.resume()
    client.reset()
    await eventually(() => passed[0]?.socket.closed === true, 'the socket closes')
    expect(fatal).toEqual([])
  })

  it('fits as a plain listener of node:http, which gives no next', async () => {
    const { server } = await new TestServer().start()
    const proxy = await makeProxy(routes('http://127.0.0.1:1'))
    const upgrade = vi.fn(proxy.upgrade)
    server.on('upgrade', upgrade)
    const { port } = server.address() as AddressInfo
    expect(await sayTo(port, '/x')).toBe('404')
    expect(upgrade.mock.calls[0]).toHaveLength(3)
  })
})

function raise(message: string): never {
  throw new Error(message)
}
