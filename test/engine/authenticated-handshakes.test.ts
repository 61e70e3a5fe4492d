import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ProviderConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { AuthenticatingClient } from '../support/authenticating-client.js'
import { AuthenticatingServer } from '../support/authenticating-server.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startEngine, startMisbehaving, startOpenEngine } from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually } from '../support/next-event.js'

function withServers(servers: ProviderConfig['backends'][string]['servers']): ProviderConfig {
  return {
    frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
    backends: { pool: { servers } },
  }
}

/** Keeps the next answers back until they are let go. */
function holdAnswers(server: AuthenticatingServer) {
  const held: ServerResponse[] = []
  server.beforeAnswer = (_req: IncomingMessage, res) => held.push(res) > 0
  return {
    held,
    letGo() {
      server.beforeAnswer = () => false
      for (const res of held.splice(0)) res.end('late')
    },
  }
}

describe('a handshake', () => {
  it('goes on through a flip, if the server stays', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    const nonce = await alice.begin()
    // Another name, another backend, another base path, and a server that comes first.
    await engine.apply({
      frontends: { other: { backend: 'other', rule: 'PathPrefix:/' } },
      backends: {
        other: {
          servers: { a: { url: two.url, weight: 99 }, b: { url: `${one.url}/base` } },
          loadBalancer: { method: 'first' },
        },
      },
    })
    const home = JSON.parse((await alice.finish(nonce)).body)
    expect(home).toMatchObject({ server: 'one', user: 'alice' })
    for (let time = 0; time < 5; time++) expect(await alice.said()).toEqual(home)
    expect(two.connections).toBe(0)
  })

  it('ends with a flip, if the server leaves: no other is sent the rest of it', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port, front } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    const nonce = await alice.begin()
    await engine.apply(routeTo(two))
    const answer = await alice.finish(nonce)
    expect([answer.status, answer.headers.connection]).toEqual([502, 'close'])
    expect(two.log).toEqual([])
    expect(await alice.logIn()).toMatchObject({ server: 'two', user: 'alice' })
    expect(front.connections).toBe(2)
  })

  it('ends when it is not sent to its server any more', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { port } = await startEngine({
      frontends: { a: { backend: 'a', rule: 'Path:/a' }, b: { backend: 'b', rule: 'Path:/b' } },
      backends: { a: { servers: { s: { url: one.url } } }, b: { servers: { s: { url: two.url } } } },
    })
    const alice = new AuthenticatingClient(port, 'alice')
    const nonce = await alice.begin({ path: '/a' })
    expect((await alice.finish(nonce, { path: '/b' })).status).toBe(502)
    expect(two.log).toEqual([])
  })

  it('ends when the server ends the connection', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    const nonce = await alice.begin()
    for (const socket of one.sockets) socket.destroy()
    await eventually(() => one.sockets.size === 0, 'the connection ends')
    const before = one.log.length
    const answer = await alice.finish(nonce)
    expect([answer.status, answer.headers.connection]).toEqual([502, 'close'])
    expect(one.log.length).toBe(before)
    expect((await alice.logIn()).user).toBe('alice')
  })

  it('is ended for the client too by a server that says close', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port, front } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    await alice.logIn()
    one.beforeAnswer = (_req, res) => {
      res.setHeader('Connection', 'close')
      return false
    }
    expect((await alice.ask()).headers.connection).toBe('close')
    await eventually(() => one.sockets.size === 0 && front.sockets.size === 0, 'both connections end')
  })

  it.each([
    ['HEAD', undefined],
    ['DELETE', undefined],
    ['OPTIONS', undefined],
    ['GET', 'a body'],
    ['DELETE', 'a body'],
    ['POST', ''],
    ['POST', 'x'.repeat(1_000)],
    ['PUT', 'x'.repeat(3_000_000)],
  ])('may be made with %s and a body of %#', async (method, body) => {
    const one = await AuthenticatingServer.start('one')
    const { port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    const ask = {
      method,
      ...(body !== undefined && { body, headers: { 'content-length': `${body.length}` } }),
    }
    await alice.ask(ask)
    const nonce = await alice.begin(ask)
    expect((await alice.finish(nonce, ask)).status).toBe(200)
    expect((await alice.said()).user).toBe('alice')
    // One that anybody may use ends behind HEAD, and behind a body that its method does not call for.
    const ends = method === 'HEAD' || (body !== undefined && ['GET', 'DELETE'].includes(method))
    expect(one.log.map((line) => line.split(' ')[0])).toEqual(
      ends ? ['1', '2', '2', '2'] : ['1', '1', '1', '1'],
    )
  })

  it.each([
    ['a short refusal', { body: 'no' }],
    ['an empty refusal', { body: '' }],
    ['a long refusal', { body: 'no'.repeat(50_000) }],
    ['a refusal in chunks', { body: 'no', isChunked: true }],
    ['an empty refusal in chunks', { body: '', isChunked: true }],
  ])(
    'may be answered before the body is there: it goes on as the body does, behind %s',
    async (_what, refusal) => {
      const one = await AuthenticatingServer.start('one')
      one.refusal = refusal
      const { port } = await startEngine(routeTo(one))
      for (const framing of ['Content-Length: 6', 'Transfer-Encoding: chunked']) {
        const [first, second] = framing.includes('Length')
          ? ['abc', 'def']
          : ['3\r\nabc\r\n', '3\r\ndef\r\n0\r\n\r\n']
        const raw = await openRaw(port)
        raw.sendHead('POST / HTTP/1.1', 'Host: a.b', framing, 'Authorization: NTLM first-alice')
        raw.send(first as string)
        const head = await raw.until('isChunked' in refusal ? '\r\n\r\n' : `\r\n\r\n${refusal.body}`)
        raw.send(second as string)
        raw.sendHead(
          'GET / HTTP/1.1',
          'Host: a.b',
          `Authorization: NTLM third-alice-${/second-(\S+)/.exec(head)?.[1]}`,
          'X-Client: alice',
        )
        await raw.until('"user":"alice"')
      }
      expect(one).toMatchObject({ mixed: 0, halfHandshakes: 0, connections: 2 })
    },
  )

  it.each([
    ['a short refusal', { body: 'no' }],
    ['a refusal in chunks', { body: 'no', isChunked: true }],
  ])('goes on behind %s, if the body came while a dead server was tried first', async (_what, refusal) => {
    const one = await AuthenticatingServer.start('one')
    one.refusal = refusal
    const { engine, port } = await startOpenEngine(routeTo(await refusingUrl(), one))
    const credentials = { first: 'NTLM first-alice', whole: 'NTLM whole-alice' }
    for (const authorization of [undefined, credentials.first, undefined, credentials.whole]) {
      const raw = await openRaw(port)
      // With this header the request begins before its body is looked at.
      const fields = ['Content-Length: 3', 'Expect: 100-continue', 'X-Client: alice']
      if (authorization) fields.push(`Authorization: ${authorization}`)
      for (let n = 1; n <= 4; n += 1) {
        raw.sendHead('POST / HTTP/1.1', 'Host: a.b', ...fields).send('abc')
        const answer =
          authorization === credentials.whole
            ? 'alice"}'
            : 'isChunked' in refusal
              ? '0\r\n\r\n'
              : '\r\n\r\nno'
        await eventually(() => raw.received.split(answer).length === n + 1, `answer ${n}`)
      }
    }
    await eventually(() => engine.inFlight.size === 0, 'nothing is under way')
  })

  it('may be followed by pipelined requests: they are answered in their order, on its connection', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port } = await startEngine(routeTo(one))
    const raw = await openRaw(port)
    raw.sendHead('GET / HTTP/1.1', 'Host: a.b', 'Authorization: Negotiate first-alice')
    const nonce = /second-(\S+)/.exec(await raw.until(/\r\n\r\nno/))?.[1]
    const more = 'GET / HTTP/1.1\r\nHost: a.b\r\nX-Client: alice\r\n'
    raw.send(`${more}Authorization: Negotiate third-alice-${nonce}\r\n\r\n${`${more}\r\n`.repeat(5)}`)
    await raw.until(/(?:"user":"alice"[\s\S]*){6}/)
    expect(one.log.map((line) => line.split(' ')[0])).toEqual(Array(7).fill('1'))
  })

  it('may be made by a client of HTTP/1.0', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port } = await startEngine(routeTo(one))
    const raw = await openRaw(port)
    const head = ['GET / HTTP/1.0', 'Host: a.b', 'Connection: keep-alive', 'X-Client: alice']
    raw.sendHead(...head, 'Authorization: NTLM first-alice')
    const nonce = /second-(\S+)/.exec(await raw.until(/\r\n\r\nno/))?.[1]
    raw.sendHead(...head, `Authorization: NTLM third-alice-${nonce}`)
    await raw.until('"user":"alice"')
    expect(one.connections).toBe(1)
  })

  it('may open a tunnel, on its connection', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port } = await startEngine(routeTo(one))
    const raw = await openRaw(port)
    raw.sendHead('GET / HTTP/1.1', 'Host: a.b', 'Authorization: NTLM first-alice')
    const nonce = /second-(\S+)/.exec(await raw.until(/\r\n\r\nno/))?.[1]
    const as = ['Host: a.b', 'X-Client: alice']
    raw.sendHead('GET / HTTP/1.1', ...as, `Authorization: NTLM third-alice-${nonce}`)
    await raw.until('"user":"alice"')
    raw.sendHead('GET / HTTP/1.1', ...as, 'Connection: Upgrade', 'Upgrade: websocket')
    await raw.until(/101 Switching[\s\S]*"connection":1,"user":"alice"/)
    await raw.untilClosed()
    expect(one).toMatchObject({ connections: 1, mixed: 0 })
  })

  it('may begin at another server, if the first cannot be reached: nothing of it was sent', async () => {
    const one = await AuthenticatingServer.start('one')
    const { frontends, backends } = routeTo(await refusingUrl(), one)
    const pool = { ...backends?.pool, loadBalancer: { method: 'first' } }
    const { port } = await startEngine({ frontends, backends: { pool } } as ProviderConfig)
    const alice = new AuthenticatingClient(port, 'alice')
    const nonce = await alice.begin()
    expect((await alice.finish(nonce)).status).toBe(200)
    expect(one.connections).toBe(1)
  })

  it('is given up if the server resets it, and sent to no other', async () => {
    const one = await startMisbehaving((socket) => socket.destroy())
    const two = await AuthenticatingServer.start('two')
    const { frontends, backends } = routeTo(one, two)
    const pool = { ...backends?.pool, loadBalancer: { method: 'first' } }
    const { port } = await startEngine({ frontends, backends: { pool } } as ProviderConfig)
    const answer = await httpGet({ port, headers: { authorization: 'NTLM first-alice' } })
    expect([answer.status, answer.headers.connection]).toEqual([502, 'close'])
    expect([one.connections, two.connections]).toEqual([1, 0])
  })

  it('may begin with an upgrade that is refused: the connection ends with it', async () => {
    const one = await AuthenticatingServer.start('one')
    one.server.removeAllListeners('upgrade')
    const { port } = await startEngine(routeTo(one))
    const raw = await openRaw(port)
    raw.sendHead(
      'GET / HTTP/1.1',
      'Host: a.b',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Authorization: NTLM first-alice',
    )
    expect(await raw.untilClosed()).toContain('401')
    await eventually(() => one.sockets.size === 0, 'the server’s connection ends')
  })
})

describe('a client that has authenticated its connection', () => {
  it('goes elsewhere as nobody once no backend has the server', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port, front } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    await alice.logIn()
    await engine.apply(routeTo(two))
    await eventually(() => one.sockets.size === 0, 'the server’s connection ends')
    const { status } = await alice.ask()
    expect([status, two.log]).toEqual([401, ['1 GET ']])
    expect(front.connections).toBe(1)
  })

  it('is answered to the end by a server that leaves', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    await alice.logIn()
    const { held, letGo } = holdAnswers(one)
    const answer = alice.ask()
    await eventually(() => held.length === 1, 'the request is under way')
    await engine.apply(routeTo(two))
    letGo()
    expect(await answer).toMatchObject({ status: 200, body: 'late' })
    await eventually(() => one.sockets.size === 0, 'the server’s connection ends')
    expect((await alice.ask()).status).toBe(401)
    expect(two.connections).toBe(1)
  })

  it('goes on with a server of weight 0, where nobody else goes', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    const home = await alice.logIn()
    await engine.apply(withServers({ s1: { url: one.url, weight: 0 }, s2: { url: two.url } }))
    for (let time = 0; time < 5; time++) {
      expect(await alice.said()).toEqual(home)
      await httpGet({ port })
    }
    expect(one.connections).toBe(1)
  })

  it('goes on with a server that is out of rotation', async () => {
    const one = await AuthenticatingServer.start('one')
    const { engine, port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    const home = await alice.logIn()
    const down = new Promise((resolve) => engine.events.on('serverDown', resolve))
    const { frontends } = routeTo(one)
    // Checks come as nobody, and 401 is no answer that a check likes.
    await engine.apply({
      frontends,
      backends: { pool: { servers: { s1: { url: one.url } }, healthCheck: { path: '/', interval: '1s' } } },
    })
    await down
    expect(await alice.said()).toEqual(home)
    expect((await httpGet({ port })).status).toBe(503)
  })

  it.each([1, 0])('waits while its server has all that it may have, with weight %i', async (weight) => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port } = await startOpenEngine(routeTo(one))
    const [alice, bob] = [new AuthenticatingClient(port, 'alice'), new AuthenticatingClient(port, 'bob')]
    const homes = [await alice.logIn(), await bob.logIn()]
    await engine.apply(withServers({ s1: { url: one.url, weight, maxConnections: 1 }, s2: { url: two.url } }))
    const { held, letGo } = holdAnswers(one)
    const first = alice.ask()
    await eventually(() => held.length === 1, 'the first is under way')
    const second = bob.said()
    await eventually(() => engine.inFlight.size === 2, 'the second has come')
    expect(held.length).toBe(1)
    letGo()
    await first
    expect(await second).toEqual(homes[1])
    expect(two.connections).toBe(0)
  })

  it('is told by 502 when the server cuts a request, and that is sent to nobody again', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { engine, port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    await alice.logIn()
    await engine.apply(routeTo(one, two))
    const before = one.log.length
    one.beforeAnswer = (req) => Boolean(req.socket.destroy())
    const answer = await alice.ask()
    expect([answer.status, answer.headers.connection]).toEqual([502, 'close'])
    expect([one.log.length, two.log.length]).toEqual([before + 1, 0])
    one.beforeAnswer = () => false
    expect((await alice.ask()).status).toBe(401)
  })

  it('is nobody again when the server has ended the connection meanwhile', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port, front } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    await alice.logIn()
    for (const socket of one.sockets) socket.destroy()
    await eventually(() => one.sockets.size === 0, 'the connection ends')
    expect((await alice.ask({ method: 'POST', body: 'b' })).status).toBe(401)
    expect((await alice.logIn()).user).toBe('alice')
    expect(front.connections).toBe(1)
  })

  it('has one connection to each of two servers, and keeps both', async () => {
    const one = await AuthenticatingServer.start('one')
    const two = await AuthenticatingServer.start('two')
    const { port } = await startEngine({
      frontends: { a: { backend: 'a', rule: 'Path:/a' }, b: { backend: 'b', rule: 'Path:/b' } },
      backends: { a: { servers: { s: { url: one.url } } }, b: { servers: { s: { url: two.url } } } },
    })
    const alice = new AuthenticatingClient(port, 'alice')
    const [a, b] = [await alice.logIn({ path: '/a' }), await alice.logIn({ path: '/b' })]
    for (let time = 0; time < 3; time++)
      expect([await alice.said({ path: '/a' }), await alice.said({ path: '/b' })]).toEqual([a, b])
    expect([one.connections, two.connections]).toEqual([1, 1])
  })

  it('leaves in the middle of a request: the connection is nobody’s', async () => {
    const one = await AuthenticatingServer.start('one')
    const { port } = await startEngine(routeTo(one))
    const alice = new AuthenticatingClient(port, 'alice')
    await alice.logIn()
    const { held, letGo } = holdAnswers(one)
    const answer = alice.ask().catch(() => 'left')
    await eventually(() => held.length === 1, 'the request is under way')
    alice.agent.destroy()
    expect(await answer).toBe('left')
    await eventually(() => one.sockets.size === 0, 'the server’s connection ends')
    letGo()
    expect((await httpGet({ port })).status).toBe(401)
  })
})
