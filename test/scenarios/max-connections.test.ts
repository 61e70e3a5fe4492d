import type { RequestListener } from 'node:http'
import type { Backend, ProviderConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { AuthenticatingClient } from '../support/authenticating-client.js'
import { AuthenticatingServer } from '../support/authenticating-server.js'
import { CountingServer } from '../support/counting-server.js'
import { Authority } from '../support/etcd-tls.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, startEngine } from '../support/live-engine.js'
import { collectGarbage } from '../support/live-objects.js'
import { eventually } from '../support/next-event.js'
import { RestartingServer } from '../support/restarting-server.js'

const LIMIT = 2

function limited(
  server: { readonly url: string },
  maxConnections = LIMIT,
  more: Partial<Backend> = {},
): ProviderConfig {
  return {
    frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
    backends: {
      pool: { servers: { s: { url: server.url, maxConnections } }, queue: { size: 1_000 }, ...more },
    },
  }
}

/** Answers in a later turn, so that requests are under way together. */
const later =
  (answer: RequestListener): RequestListener =>
  (req, res) => {
    req.resume()
    setImmediate(() => setImmediate(() => answer(req, res)))
  }

const ANSWERS: Record<string, RequestListener> = {
  'with a body': (_req, res) => void res.end('body'),
  'of 204': (_req, res) => void res.writeHead(204).end(),
  'of 304': (_req, res) => void res.writeHead(304).end(),
  'that end the connection': (_req, res) => void res.writeHead(200, { connection: 'close' }).end('x'),
  'in chunks': (_req, res) => {
    res.write('one')
    setImmediate(() => res.end('two'))
  },
  'that break off': (_req, res) => {
    res.writeHead(200, { 'content-length': 10 }).write('half')
    setImmediate(() => res.destroy())
  },
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT'] as const

describe(`a server with maxConnections: ${LIMIT}`, () => {
  for (const [kind, answer] of Object.entries(ANSWERS)) {
    it.each(METHODS)(`never has more connections, answers ${kind}, %s`, async (method) => {
      const server = await CountingServer.start(later(answer))
      const { port } = await startEngine(limited(server))
      const body = method === 'POST' || method === 'PUT' ? { body: 'x' } : {}
      const asked = Array.from({ length: 60 }, () =>
        httpGet({ port, method, ...body }).then(
          ({ status }) => status,
          () => 'cut',
        ),
      )
      const answers = await Promise.all(asked)
      if (kind !== 'that break off') expect(answers.filter((status) => Number(status) >= 400)).toEqual([])
      expect(server.most).toBe(LIMIT)
    })
  }

  it('never has more over TLS', async () => {
    const tls = await (await Authority.create('any')).sign()
    const server = await CountingServer.start(later(ANSWERS['that end the connection']!), tls)
    const { port } = await startEngine(limited(server), { upstreamTls: { insecureSkipVerify: true } })
    const answers = await Promise.all(Array.from({ length: 40 }, () => httpGet({ port })))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(server.most).toBe(LIMIT)
  })

  it('never has more while clients leave', async () => {
    const server = await CountingServer.start(later(ANSWERS['in chunks']!))
    const { port } = await startEngine(limited(server))
    const left = Array.from({ length: 40 }, async (_, index) => {
      const client = await openRaw(port)
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      if (index % 2 === 0) await client.until('HTTP/1.1 200')
      client.socket.destroy()
    })
    const asked = Array.from({ length: 40 }, () => httpGet({ port }))
    await Promise.all(left)
    expect((await Promise.all(asked)).filter(({ status }) => status !== 200)).toEqual([])
    expect(server.most).toBe(LIMIT)
  })

  it('keeps connections while requests wait: none is made anew for each', async () => {
    const server = await CountingServer.start(later(ANSWERS['with a body']!))
    const { port } = await startEngine(limited(server))
    const answers = await Promise.all(Array.from({ length: 60 }, () => httpGet({ port })))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(server.accepted).toBe(LIMIT)
  })

  it('counts tunnels until both of their ends have closed', async () => {
    const server = await CountingServer.start(later(ANSWERS['with a body']!))
    server.server.on('upgrade', (_req, socket) => {
      socket.on('end', () => socket.end()).resume()
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
    const { port } = await startEngine(limited(server))
    const open = async () => {
      const client = await openRaw(port)
      client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
      await client.until('\r\n\r\n')
      return client
    }
    const tunnels = [await open(), await open()]
    const asked = Array.from({ length: 20 }, () => httpGet({ port }))
    const third = open()
    await eventually(() => server.open === LIMIT, 'both tunnels stand')
    // The place of one is the third tunnel's, sooner or later; that of the other is everybody's.
    for (const { socket } of tunnels) socket.destroy()
    expect((await Promise.all(asked)).every(({ status }) => status === 200)).toBe(true)
    await third
    expect((await httpGet({ port })).status).toBe(200)
    expect(server.most).toBe(LIMIT)
  })

  it('retries a stale connection without one more', async () => {
    const server = await RestartingServer.start({ by: 'RST' })
    let [open, most] = [0, 0]
    server.onConnection = (socket) => {
      most = Math.max(most, ++open)
      socket.on('close', () => (open -= 1))
    }
    const { port } = await startEngine(limited(server), { retry: { budget: 0 } })
    for (let round = 0; round < 5; round++) {
      await server.restartWithIdle(LIMIT, () => httpGet({ port }))
      const answers = await Promise.all(Array.from({ length: 20 }, () => httpGet({ port })))
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    }
    expect(server.cut.length).toBeGreaterThan(0)
    expect(most).toBe(LIMIT)
  })

  it('counts connections of authenticated clients: idle ones give way, and nobody is another', async () => {
    const server = await AuthenticatingServer.start('one')
    let [open, most] = [0, 0]
    server.server.on('connection', (socket) => {
      most = Math.max(most, ++open)
      socket.on('close', () => (open -= 1))
    })
    const { port } = await startEngine(limited(server))
    const clients = ['alice', 'bob', 'carol', 'dave'].map((name) => new AuthenticatingClient(port, name))
    for (let round = 0; round < 3; round++)
      for (const client of clients) expect(await client.logIn()).toMatchObject({ server: 'one' })
    expect(server.mixed).toBe(0)
    expect(most).toBe(LIMIT)
  })

  it('counts what runs on after it left the configuration, and came back', async () => {
    const held: (() => void)[] = []
    const server = await CountingServer.start((_req, res) => void held.push(() => res.end('late')))
    const other = await CountingServer.start(ANSWERS['with a body']!)
    const { engine, port } = await startEngine(limited(server))
    const early = Array.from({ length: LIMIT }, () => httpGet({ port }))
    await eventually(() => held.length === LIMIT, 'both are under way')
    await engine.apply(limited(other))
    expect((await httpGet({ port })).body).toBe('body')
    const back = limited(server)
    await engine.apply({
      frontends: { ...back.frontends, beside: { backend: 'beside', rule: 'Path:/beside/it' } },
      backends: { ...back.backends, beside: { servers: { s: { url: other.url } } } },
    })
    const late = Array.from({ length: LIMIT }, () => httpGet({ port }))
    for (let beside = 0; beside < 10; beside++) await httpGet({ port, path: '/beside/it' })
    expect(server.open).toBe(LIMIT)
    for (const answer of held.splice(0)) answer()
    expect((await Promise.all(early)).map(({ body }) => body)).toEqual(['late', 'late'])
    await eventually(() => held.length === LIMIT, 'the others are under way')
    for (const answer of held.splice(0)) answer()
    await Promise.all(late)
    expect(server.most).toBe(LIMIT)
  })

  it('keeps a limit that nobody has needed yet while garbage is collected', async () => {
    const server = await CountingServer.start(later(ANSWERS['of 204']!))
    const { engine, port } = await startEngine(limited(server))
    for (const size of [1_000, 1_001]) {
      await engine.apply(limited(server, LIMIT, { queue: { size } }))
      await collectGarbage()
      const answers = await Promise.all(Array.from({ length: 60 }, () => httpGet({ port })))
      expect(answers.filter(({ status }) => status !== 204)).toEqual([])
    }
    expect(server.most).toBe(LIMIT)
  })

  it('closes idle connections above a limit that is lowered', async () => {
    const held: (() => void)[] = []
    const server = await CountingServer.start((_req, res) => void held.push(() => res.end('x')))
    const { engine, port } = await startEngine(limited(server, 6))
    const asked = Array.from({ length: 6 }, () => httpGet({ port }))
    await eventually(() => held.length === 6, 'all are under way')
    for (const answer of held.splice(0, 3)) answer()
    await Promise.race(asked)
    await engine.apply(limited(server, 2))
    for (const answer of held.splice(0)) answer()
    await Promise.all(asked)
    await eventually(() => server.open <= 2, 'no more than two stay')
  })
})

describe('a server that several backends name', () => {
  it('has the limit of each: one without a limit does not starve the other', async () => {
    const held: (() => void)[] = []
    const server = await CountingServer.start((req, res) => {
      if (req.url === '/slow') held.push(() => res.end('slow'))
      else res.end('fast')
    })
    const { frontends, backends } = limited(server)
    const { port } = await startEngine({
      frontends: { ...frontends, main: { backend: 'main', rule: 'Path:/slow', priority: 1_000 } },
      backends: { ...backends, main: { servers: { s: { url: server.url } } } },
    })
    const slow = Array.from({ length: 10 }, () => httpGet({ port, path: '/slow' }))
    await eventually(() => held.length === 10, 'the one without a limit is busy')
    const answers = await Promise.all(Array.from({ length: 40 }, () => httpGet({ port })))
    expect(answers.every(({ body }) => body === 'fast')).toBe(true)
    expect(server.most).toBe(10 + LIMIT)
    for (const answer of held) answer()
    await Promise.all(slow)
    // Idle ones of the other may be used, up to the limit.
    const more = await Promise.all(Array.from({ length: 40 }, () => httpGet({ port })))
    expect(more.every(({ body }) => body === 'fast')).toBe(true)
    expect(server.most).toBe(10 + LIMIT)
  })
})
