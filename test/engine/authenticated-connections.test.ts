import { randomInt } from 'node:crypto'
import { generate } from 'selfsigned'
import type { ProviderConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { AuthenticatingClient } from '../support/authenticating-client.js'
import { AuthenticatingServer } from '../support/authenticating-server.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const STRATEGIES = ['wrr', 'drr', 'leastConn', 'p2c', 'consistentHash', 'random', 'first'] as const

function balanced(method: string, ...servers: readonly { readonly url: string }[]): ProviderConfig {
  const hashBy = method === 'consistentHash' ? { hashBy: 'header:X-Turn' } : {}
  const { frontends, backends } = routeTo(...servers)
  const { servers: named } = backends?.pool ?? { servers: {} }
  return {
    frontends,
    backends: { pool: { servers: named, loadBalancer: { method, ...hashBy } } },
  } as ProviderConfig
}

/** A server that anybody may use, and that does not say how long its connections may be idle. */
function startFree() {
  return startServer((_req, res) => {
    res.setHeader('Connection', 'keep-alive')
    res.end('free')
  })
}

/** `/free` goes to another server than all else. */
function beside(server: { readonly url: string }, free: { readonly url: string }): ProviderConfig {
  return {
    frontends: {
      asks: { backend: 'asks', rule: 'PathPrefix:/', priority: 1 },
      free: { backend: 'free', rule: 'Path:/free', priority: 2 },
    },
    backends: {
      asks: { servers: { s: { url: server.url } } },
      free: { servers: { s: { url: free.url } } },
    },
  }
}

describe('a connection that a client has authenticated', () => {
  it('is never another client’s', async () => {
    const server = await AuthenticatingServer.start()
    const { port } = await startEngine(routeTo(server))
    const alice = new AuthenticatingClient(port, 'alice')
    const bob = new AuthenticatingClient(port, 'bob')
    const { connection } = await alice.logIn()
    expect((await bob.ask()).status).toBe(401)
    expect(await bob.logIn()).toMatchObject({ user: 'bob', client: 'bob' })
    expect(await alice.said()).toEqual({ server: 'one', connection, user: 'alice', client: 'alice' })
    expect(server).toMatchObject({ mixed: 0, halfHandshakes: 0 })
  })

  it('is the one on which the server has asked', async () => {
    const server = await AuthenticatingServer.start()
    const { port } = await startEngine(routeTo(server))
    await new AuthenticatingClient(port, 'alice').logIn()
    expect(server.log.map((line) => line.split(' ')[0])).toEqual(['1', '1', '1'])
  })

  it.each(STRATEGIES)('takes all requests of its client, whatever %s says', async (method) => {
    const servers = [await AuthenticatingServer.start('one'), await AuthenticatingServer.start('two')]
    const { port } = await startEngine(balanced(method, ...servers))
    const clients = ['alice', 'bob', 'carol'].map((user) => new AuthenticatingClient(port, user))
    const homes = await Promise.all(clients.map((client) => client.logIn()))
    for (let turn = 0; turn < 10; turn++) {
      const headers = { 'x-turn': String(turn) }
      expect(await Promise.all(clients.map((client) => client.said({ headers })))).toEqual(homes)
    }
    expect(servers.map(({ mixed, halfHandshakes }) => mixed + halfHandshakes)).toEqual([0, 0])
  })

  it('comes before a sticky cookie that names another server', async () => {
    const servers = [await AuthenticatingServer.start('one'), await AuthenticatingServer.start('two')]
    const { frontends, backends } = routeTo(...servers)
    const pool = { ...backends?.pool, loadBalancer: { stickiness: { cookieName: 'at' } } }
    const { port } = await startEngine({ frontends, backends: { pool } } as ProviderConfig)
    const cookies = new Map<string, string>()
    while (cookies.size < 2) {
      const { headers } = await httpGet({ port, headers: { 'x-schemes': 'Basic' } })
      const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      const { headers: said } = await httpGet({ port, headers: { cookie, authorization: 'NTLM first-x' } })
      cookies.set(/second-(\w+)/.exec(said['www-authenticate'] ?? '')?.[1] ?? '', cookie)
    }
    const alice = new AuthenticatingClient(port, 'alice')
    const home = await alice.logIn()
    for (const cookie of cookies.values()) expect(await alice.said({ headers: { cookie } })).toEqual(home)
  })

  it('ends with the client’s connection', async () => {
    const server = await AuthenticatingServer.start()
    const { port } = await startEngine(routeTo(server))
    const clients = ['alice', 'bob', 'carol'].map((user) => new AuthenticatingClient(port, user))
    await Promise.all(clients.map((client) => client.logIn()))
    expect(server.sockets.size).toBe(3)
    for (const { agent } of clients) agent.destroy()
    await eventually(() => server.sockets.size === 0, 'the server’s connections end')
  })

  it('is idle for as long as a client’s may be, not as long as one that anybody may use', async () => {
    const server = await AuthenticatingServer.start()
    const free = await startFree()
    const { port } = await startEngine(beside(server, free), { timeouts: { upstreamKeepAliveMs: 100 } })
    const alice = new AuthenticatingClient(port, 'alice')
    const bob = new AuthenticatingClient(port, 'bob')
    // On a connection that stood, and on one that was made for it.
    const homes = [await alice.logIn(), JSON.parse((await bob.finish(await bob.begin())).body)]
    for (let time = 0; time < 2; time++) {
      expect((await httpGet({ port, path: '/free' })).body).toBe('free')
      await eventually(() => free.sockets.size === 0, 'the connection that anybody may use ends')
    }
    expect([await alice.said(), await bob.said()]).toEqual(homes)
  })

  it.each(['no time', 'a long time'])(
    'ends when it is idle for longer, if the server names %s',
    async (named) => {
      const server = await AuthenticatingServer.start()
      if (named === 'a long time')
        server.beforeAnswer = (_req, res) => {
          res.setHeader('Keep-Alive', 'timeout=60')
          return false
        }
      const { port, front } = await startEngine(routeTo(server), { timeouts: { keepAliveMs: 1_000 } })
      front.server.keepAliveTimeout = 60_000
      const alice = new AuthenticatingClient(port, 'alice')
      await alice.logIn()
      await eventually(() => server.sockets.size === 0, 'the server’s connection ends')
      expect((await alice.ask()).status).toBe(401)
      expect(front.connections).toBe(1)
    },
  )

  it('with a seventeenth server the first ends', async () => {
    const servers = await Promise.all(
      Array.from({ length: 18 }, (_, at) => AuthenticatingServer.start(`n${at}`)),
    )
    const frontends = Object.fromEntries(
      servers.map(({ name }) => [name, { backend: name, rule: `Path:/${name}` }]),
    )
    const backends = Object.fromEntries(servers.map(({ name, url }) => [name, { servers: { s: { url } } }]))
    const { port } = await startEngine({ frontends, backends })
    const alice = new AuthenticatingClient(port, 'alice')
    for (const { name } of servers) await alice.logIn({ path: `/${name}` })
    const open = () => servers.filter(({ sockets }) => sockets.size > 0).map(({ name }) => name)
    await eventually(() => open().length === 16, 'sixteen stand')
    expect(open()).toEqual(servers.slice(2).map(({ name }) => name))
    expect((await alice.said({ path: '/n17' })).user).toBe('alice')
    expect((await alice.ask({ path: '/n0' })).status).toBe(401)
  })

  it.each(['NTLM', 'ntlm', 'Negotiate', 'NEGOTIATE', 'Nego2', 'Kerberos', 'CredSSP'])(
    'whatever it is spelled: %s',
    async (scheme) => {
      const server = await AuthenticatingServer.start()
      const { port } = await startEngine(routeTo(server))
      const alice = new AuthenticatingClient(port, 'alice', scheme)
      const bob = new AuthenticatingClient(port, 'bob', scheme)
      await alice.finish(await alice.begin())
      expect((await bob.ask()).status).toBe(401)
      expect((await alice.said()).user).toBe('alice')
    },
  )

  it('to a server behind TLS', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }])
    const server = await AuthenticatingServer.start('one', { key, cert })
    const { port } = await startEngine(routeTo(server), { upstreamTls: { insecureSkipVerify: true } })
    const [alice, bob] = [new AuthenticatingClient(port, 'alice'), new AuthenticatingClient(port, 'bob')]
    const homes = [await alice.logIn(), await bob.logIn()]
    for (let turn = 0; turn < 3; turn++) expect([await alice.said(), await bob.said()]).toEqual(homes)
    expect((await httpGet({ port })).status).toBe(401)
    for (const { agent } of [alice, bob]) agent.destroy()
    await eventually(() => server.sockets.size <= 1, 'the connections that were authenticated end')
    expect(server.mixed).toBe(0)
  })

  it.each([401, 407])('with a challenge, whoever sends one: %i', async (status) => {
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const server = await startServer((_req, res) =>
      res.writeHead(status, { [name]: ['Basic', 'NTLM'] }).end(),
    )
    const { port } = await startEngine(routeTo(server))
    const [alice, bob] = [new AuthenticatingClient(port, 'alice'), new AuthenticatingClient(port, 'bob')]
    for (const client of [alice, bob, alice, bob, alice]) expect((await client.ask()).status).toBe(status)
    expect(server.connections).toBe(2)
  })

  it('when a hook of the host’s adds the credential', async () => {
    const server = await AuthenticatingServer.start()
    const { port } = await startEngine(routeTo(server), {
      onRequest: ({ facts, headers }) => {
        const given = facts.headers['x-step']
        if (typeof given === 'string') headers.set('Authorization', given)
      },
    })
    const alice = new AuthenticatingClient(port, 'alice')
    const bob = new AuthenticatingClient(port, 'bob')
    const begun = await alice.ask({ headers: { 'x-step': 'NTLM first-alice' } })
    const nonce = /second-(\S+)/.exec(begun.headers['www-authenticate'] ?? '')?.[1]
    const done = await alice.ask({ headers: { 'x-step': `NTLM third-alice-${nonce}` } })
    expect(JSON.parse(done.body).user).toBe('alice')
    expect((await bob.ask()).status).toBe(401)
    expect(server.mixed).toBe(0)
  })

  it('mixes nobody in 1,000 interleaved logins', { timeout: 60_000 }, async () => {
    const servers = [await AuthenticatingServer.start('one'), await AuthenticatingServer.start('two')]
    const { port, front } = await startEngine(routeTo(...servers))
    let logins = 0
    let requests = 0
    const perClient = async (lane: number) => {
      for (let turn = 0; turn < 50; turn++) {
        const user = `u${lane}.${turn}`
        const client = new AuthenticatingClient(port, user)
        const home = await client.logIn()
        logins += 1
        for (let more = randomInt(4); more > 0; more--) {
          expect(await client.said()).toEqual(home)
          requests += 1
        }
        // A client that never logs in, in between.
        expect((await httpGet({ port, headers: { 'x-client': 'nobody' } })).status).toBe(401)
        client.agent.destroy()
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, lane) => perClient(lane)))
    const mixed = servers.reduce((sum, server) => sum + server.mixed, 0)
    const half = servers.reduce((sum, server) => sum + server.halfHandshakes, 0)
    console.log(`${logins} logins, ${requests} requests behind them: ${mixed} mixed, ${half} half handshakes`)
    expect({ logins, mixed, half }).toEqual({ logins: 1_000, mixed: 0, half: 0 })
    await eventually(() => front.sockets.size === 0, 'the clients’ connections end')
    await eventually(() => servers.every(({ sockets }) => sockets.size === 0), 'the servers’ connections end')
  })
})
