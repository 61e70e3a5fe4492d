import { once } from 'node:events'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { createGzip, gunzipSync } from 'node:zlib'
import type { EngineOptions, Middleware, MiddlewareKind, ProviderConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  startOpenEngine,
  startServer,
  type TestServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** Where a request is held until the test lets it go on. */
class Gate {
  readonly #waiting: (() => void)[] = []
  isOpen = true
  /** How many requests came so far. */
  came = 0

  pass(): Promise<void> {
    this.came += 1
    return this.isOpen ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.isOpen = false
  }

  open(): void {
    this.isOpen = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** One row of the table that the tests bring along. */
interface Row {
  readonly middleware: (gate: Gate, signals: AbortSignal[]) => Omit<Middleware, 'name'>
  /** What a client gets for GET. */
  readonly status: number
  readonly body: string | RegExp
  /** What the server answers with. */
  readonly served?: number
  /** Whether a connection can be upgraded through it. */
  readonly upgrades: boolean
}

const LONG = 'a line that is worth to be compressed\n'.repeat(2_000)

const ROWS: Readonly<Record<string, Row>> = {
  'one that answers late': {
    middleware: (gate, signals) => ({
      onRequest: async ({ signal, headers }) => {
        signals.push(signal)
        await gate.pass()
        headers.set('X-Late', 'yes')
        return undefined
      },
    }),
    status: 200,
    body: LONG,
    upgrades: true,
  },
  'one that answers with a stream': {
    middleware: (gate, signals) => ({
      onRequest: async ({ signal }) => {
        signals.push(signal)
        await gate.pass()
        const pieces = Array.from({ length: 100 }, (_, at) => `${at} `)
        return { status: 203, headers: { 'Content-Type': 'text/plain' }, body: Readable.from(pieces) }
      },
    }),
    status: 203,
    body: /^0 1 2 .* 99 $/,
    upgrades: false,
  },
  "one that replaces a 503 by another backend's page": {
    middleware: (gate, signals) => ({
      onResponse: async ({ status, request: { signal } }) => {
        signals.push(signal)
        await gate.pass()
        return status === 503 ? { backend: 'pages', target: '/sorry.html?503', keepStatus: true } : undefined
      },
    }),
    status: 503,
    body: 'page GET /sorry.html?503',
    served: 503,
    upgrades: true,
  },
  'one that compresses': {
    middleware: (gate, signals) => ({
      onRequest: async ({ signal }) => {
        signals.push(signal)
        await gate.pass()
        return undefined
      },
      onResponse: ({ headers }) => headers.append('Vary', 'Accept-Encoding'),
      transformBody: ({ request, headers }) => {
        if (!request.facts.headers['accept-encoding']?.includes('gzip')) return undefined
        headers.set('Content-Encoding', 'gzip')
        return createGzip()
      },
    }),
    status: 200,
    body: LONG,
    upgrades: true,
  },
}

const kindOf = (make: () => Omit<Middleware, 'name'>): MiddlewareKind<boolean> => ({
  field: 'testRow',
  schema: {
    meaning: 'Asks for the row.',
    expected: 'true or false',
    is: (value) => typeof value === 'boolean',
  },
  compile: () => ({ name: 'testRow', ...make() }),
})

function documentOf(server: TestServer, pages: TestServer): ProviderConfig {
  const all = { backend: 'app', rule: 'PathPrefix:/', testRow: true }
  return {
    frontends: { all, plain: { backend: 'app', rule: 'Path:/plain', priority: 1_000 } },
    backends: {
      app: { servers: { one: { url: server.url } } },
      pages: { servers: { one: { url: pages.url } } },
    },
  }
}

async function start(row: Row, options: EngineOptions = {}) {
  const gate = new Gate()
  const signals: AbortSignal[] = []
  const server = await startServer((req, res) => {
    req.resume()
    res.writeHead(row.served ?? 200, { 'Content-Type': 'text/plain' })
    res.end(req.url === '/name' ? 'v1' : LONG)
  })
  server.server.on('upgrade', (_req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
  })
  const pages = await startServer((req, res) => res.end(`page ${req.method} ${req.url}`))
  const middlewares = [kindOf(() => row.middleware(gate, signals))]
  const live = await startOpenEngine(documentOf(server, pages), { ...options, middlewares })
  return { ...live, gate, signals, server, pages }
}

const nothingLeft = (engine: { inFlight: { size: number } }) =>
  eventually(() => engine.inFlight.size === 0, 'no request is in flight')

describe.each(Object.entries(ROWS))('a middleware: %s', (_name, row) => {
  it('serves GET, one after the other on one connection', async () => {
    const { port, engine } = await start(row)
    const finished = recordFinished(engine)
    for (let turn = 0; turn < 3; turn += 1) {
      const { status, body } = await httpGet({ port, path: '/' })
      expect(status).toBe(row.status)
      if (row.body instanceof RegExp) expect(body).toMatch(row.body)
      else expect(body === row.body).toBe(true)
    }
    await nothingLeft(engine)
    expect(finished.map(({ status }) => status)).toEqual([row.status, row.status, row.status])
  })

  it('answers HEAD with the head alone', async () => {
    const { port, engine } = await start(row)
    const client = await openRaw(port)
    client.sendHead('HEAD / HTTP/1.1', 'Host: a', 'Accept-Encoding: gzip')
    client.sendHead('HEAD / HTTP/1.1', 'Host: a', 'Accept-Encoding: gzip', 'Connection: close')
    const text = (await client.untilClosed()).toString()
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${row.status}`, `HTTP/1.1 ${row.status}`])
    expect(text).toMatch(/\r\n\r\nHTTP[\s\S]*\r\n\r\n$/)
    await nothingLeft(engine)
  })

  it('lets an upgrade pass, or answers it', async () => {
    const { port, engine } = await start(row)
    const client = await openRaw(port)
    client.sendHead(
      'GET / HTTP/1.1',
      'Host: a',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    )
    if (row.upgrades) {
      await eventually(() => client.received.includes('hello'), 'the server says hello')
      expect(client.received).toMatch(/^HTTP\/1\.1 101 /)
      client.socket.end()
    } else expect((await client.untilClosed()).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${row.status} `))
    await nothingLeft(engine)
  })

  it('is told of a client that leaves while it waits', async () => {
    const { port, engine, gate, signals } = await start(row)
    gate.close()
    const asked = request({ port, path: '/' }).on('error', () => {})
    asked.end()
    await eventually(() => gate.came > 0, 'the request waits')
    expect(signals[0]?.aborted).toBe(false)
    asked.destroy()
    await eventually(() => signals[0]?.aborted === true, 'the signal aborts')
    await nothingLeft(engine)
    gate.open()
    await new Promise(setImmediate)
    const [backend] = engine.snapshot?.backends.values() ?? []
    expect(backend?.servers.map(({ state }) => state.inFlight)).toEqual([0])
    expect((await httpGet({ port, path: '/' })).status).toBe(row.status)
  })

  it('waits through a flip: the request belongs to the configuration that it began with', async () => {
    const { port, engine, gate, pages, server } = await start(row)
    const finished = recordFinished(engine)
    const other = await startServer((_req, res) => void res.writeHead(row.served ?? 200).end('v2'))
    gate.close()
    const early = httpGet({ port, path: '/name' })
    await eventually(() => gate.came > 0, 'the request waits')
    const { generation } = await engine.apply(documentOf(other, pages))
    gate.open()
    const first = await early
    const later = await httpGet({ port, path: '/name' })
    expect([first.status, later.status]).toEqual([row.status, row.status])
    if (row.status === 200) expect([first.body, later.body]).toEqual(['v1', 'v2'])
    await nothingLeft(engine)
    expect(finished.map((event) => event.generation)).toEqual([generation - 1, generation])
    await eventually(() => server.sockets.size === 0, 'the connections to the server of before are closed')
  })

  it('that throws is answered with 500, and harms no other request', async () => {
    const names = ['onRequest', 'onResponse', 'transformBody'] as const
    for (const name of names) {
      for (const isLate of name === 'transformBody' ? [false] : [false, true]) {
        const broken: Row = {
          ...row,
          middleware: (gate, signals) => ({
            ...row.middleware(gate, signals),
            [name]: () => {
              if (isLate) return Promise.reject(new Error('broken'))
              throw new Error('broken')
            },
          }),
        }
        const { port, engine } = await start(broken)
        // What answers itself sees no response: neither its own, nor that of a server.
        const isNotReached = name !== 'onRequest' && row.status === 203
        const { status, body } = await httpGet({ port, path: '/' })
        if (isNotReached) expect(status).toBe(203)
        else expect([status, body]).toEqual([500, expect.stringContaining('PROXY_HOOK_FAILED')])
        expect((await httpGet({ port, path: '/plain' })).status).toBe(row.served ?? 200)
        await nothingLeft(engine)
      }
    }
  })
})

describe('the rows themselves', () => {
  it('compress what the client can read, and nothing else', async () => {
    const { port } = await start(ROWS['one that compresses'] as Row)
    const asked = request({ port, path: '/', headers: { 'Accept-Encoding': 'gzip' } }).end()
    const [response] = await once(asked, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    expect(response.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    expect(response.headers['content-length']).toBeUndefined()
    expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe(LONG)
    expect((await httpGet({ port, path: '/' })).headers).not.toHaveProperty('content-encoding')
  })

  it('replace the 503 of the proxy itself too, with the page of another backend', async () => {
    const row = ROWS["one that replaces a 503 by another backend's page"] as Row
    const { port, engine, pages, server } = await start(row)
    const finished = recordFinished(engine)
    await engine.apply({
      ...documentOf(server, pages),
      backends: { app: { servers: {} }, pages: { servers: { one: { url: pages.url } } } },
    })
    const { status, body } = await httpGet({ port, path: '/' })
    expect([status, body]).toEqual([503, 'page GET /sorry.html?503'])
    await nothingLeft(engine)
    expect(finished).toMatchObject([{ status: 503, backend: 'pages@static' }])
  })

  it('ask another backend once for a request, even if two of them want to', async () => {
    const asking = (target: string): MiddlewareKind => ({
      ...kindOf(() => ({ onResponse: () => ({ backend: 'pages', target, keepStatus: false }) })),
      field: target,
    })
    const server = await startServer((_req, res) => res.end('app'))
    const pages = await startServer((req, res) => res.end(`page ${req.url}`))
    const { testRow: _, ...all } = documentOf(server, pages).frontends['all'] as never as Record<
      string,
      unknown
    >
    const config = documentOf(server, pages)
    const middlewares = [asking('outer'), asking('inner')]
    const { port, engine } = await startOpenEngine(
      { ...config, frontends: { all: { ...all, outer: true, inner: true } } } as never as ProviderConfig,
      { middlewares },
    )
    expect(await httpGet({ port, path: '/' })).toMatchObject({
      status: 500,
      body: expect.stringContaining('PROXY_HOOK_FAILED'),
    })
    await nothingLeft(engine)
  })
})
