import type { LookupFunction } from 'node:net'
import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AuthenticatingClient } from '../support/authenticating-client.js'
import { AuthenticatingServer } from '../support/authenticating-server.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { startAt } from '../support/servers-at.js'

/** A name that leads to one address, and to another later. */
function movingName(address: string) {
  const name = { address, asked: 0 }
  const lookup: LookupFunction = (_hostname, options, callback) => {
    name.asked += 1
    const found = { address: name.address, family: 4 }
    process.nextTick(() =>
      options.all ? callback(null, [found]) : callback(null, found.address, found.family),
    )
  }
  return { name, lookup }
}

describe('a connection to a server that is older than limits.connectionAgeMs', () => {
  it('gets no further request: a name that moves is followed without strictDns, and nothing fails', async () => {
    const port = await startAt(['127.0.40.1', '127.0.40.2'])
    const { name, lookup } = movingName('127.0.40.1')
    const { port: front } = await startEngine(routeTo(`http://moves.test:${port}`), {
      lookup,
      limits: { connectionAgeMs: 100 },
    })
    const seen = new Set<string>()
    const ask = async () => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => httpGet({ port: front })))
      for (const { status, body } of answers) seen.add(`${status} ${body}`)
      return answers.every(({ body }) => body === '127.0.40.2')
    }
    expect(await ask()).toBe(false)
    name.address = '127.0.40.2'
    await eventually(ask, 'all go to the new address')
    expect([...seen].sort()).toEqual(['200 127.0.40.1', '200 127.0.40.2'])
  })

  it('is kept before', async () => {
    const server = await startNamed('x')
    const { port } = await startEngine(routeTo(server), { limits: { connectionAgeMs: 60_000 } })
    for (let time = 0; time < 20; time++) expect((await httpGet({ port })).status).toBe(200)
    expect(server.connections).toBe(1)
  })

  it('runs its exchange to the end', async () => {
    const aging = await startNamed('aging')
    const held: (() => void)[] = []
    const server = await startAt(['127.0.40.3'], () => (req, res) => {
      res.write('begun ')
      if (req.url === '/long') held.push(() => res.end('ended'))
      else res.end('ended')
    })
    const { frontends, backends } = routeTo(`http://127.0.40.3:${server}`)
    const { port } = await startEngine(
      {
        frontends: { ...frontends, aging: { backend: 'aging', rule: 'Path:/aging/in/vain' } },
        backends: { ...backends, aging: { servers: { s: { url: aging.url } } } },
      },
      { limits: { connectionAgeMs: 50 } },
    )
    const long = httpGet({ port, path: '/long' })
    await eventually(() => held.length === 1, 'it is under way')
    // Another connection of its age has come and gone meanwhile.
    await httpGet({ port, path: '/aging/in/vain' })
    await eventually(() => aging.connections === 1 && aging.sockets.size === 0, 'the other has ended')
    held[0]?.()
    expect(await long).toMatchObject({ status: 200, body: 'begun ended' })
  })

  it('stays while a client is in the middle of its login on it', async () => {
    const server = await AuthenticatingServer.start('one')
    const aging = await startNamed('aging')
    const { frontends, backends } = routeTo(server)
    const { port } = await startEngine(
      {
        frontends: { ...frontends, aging: { backend: 'aging', rule: 'Path:/aging/in/vain' } },
        backends: { ...backends, aging: { servers: { s: { url: aging.url } } } },
      },
      { limits: { connectionAgeMs: 50 } },
    )
    const alice = new AuthenticatingClient(port, 'alice')
    const nonce = await alice.begin()
    await httpGet({ port, path: '/aging/in/vain' })
    await eventually(
      () => aging.connections === 1 && aging.sockets.size === 0,
      'another of its age has ended',
    )
    expect(JSON.parse((await alice.finish(nonce)).body)).toMatchObject({ user: 'alice' })
    await eventually(() => server.sockets.size === 0, 'it ends once its login is over and it is idle')
    expect(await alice.logIn()).toMatchObject({ user: 'alice' })
    expect(server.halfHandshakes).toBe(0)
  })

  it('ends by itself when it is idle, at a time of its own', async () => {
    const server = await startNamed('x')
    const limits = { connectionAgeMs: 1_000 }
    const { port } = await startEngine(routeTo(server), { limits, timeouts: { upstreamKeepAliveMs: 60_000 } })
    await Promise.all(Array.from({ length: 10 }, () => httpGet({ port })))
    const times: number[] = []
    for (const socket of server.sockets) socket.on('close', () => times.push(Math.round(performance.now())))
    await eventually(() => server.sockets.size === 0, 'all have ended')
    expect(new Set(times).size).toBeGreaterThan(1)
  })

  it.each([0, -1, Number.NaN, '5m', null])('is refused as %o', (connectionAgeMs) => {
    const limits = { connectionAgeMs } as never
    expect(() => createProxy({ config: routeTo('http://127.0.0.1:1'), limits })).toThrow(
      /limits\.connectionAgeMs/,
    )
  })

  it('may have no limit', async () => {
    const limits = { connectionAgeMs: Number.POSITIVE_INFINITY }
    const proxy = createProxy({ config: routeTo(await startNamed('x')), limits })
    onTestFinished(() => proxy.close())
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    expect((await httpGet({ port })).status).toBe(200)
  })
})
