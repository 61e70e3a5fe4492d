import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startEngine, startMisbehaving } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/**
 * A server that was told to restart: whatever comes on a connection from before is cut, as by a kernel that knows it no
 * more. A proxy cannot see that beforehand: no FIN has come.
 */
async function startRestarting() {
  let restarted = false
  let held: Socket[] = []
  const old = new WeakSet<Socket>()
  const cut: string[] = []
  const answered: string[] = []
  const fresh = new Set<Socket>()
  const server = await startMisbehaving((socket, head) => {
    const name = head.split(' ', 2).join(' ')
    if (!restarted) {
      old.add(socket)
      held.push(socket)
    } else if (old.has(socket)) {
      cut.push(name)
      socket.resetAndDestroy()
    } else {
      answered.push(name)
      fresh.add(socket)
      socket.on('close', () => fresh.delete(socket))
      socket.write(OK)
    }
  })
  return {
    url: server.url,
    cut,
    answered,
    /** Connections from after the restart that were used, and are still open. */
    fresh,
    /** How many requests wait for an answer on connections of their own. */
    waiting: () => held.length,
    restart() {
      for (const socket of held) socket.write(OK)
      held = []
      restarted = true
    },
  }
}

type Restarting = Awaited<ReturnType<typeof startRestarting>>

/** Opens so many connections to each server, and leaves them idle and dead. */
async function leaveDead(port: number, each: number, ...servers: Restarting[]): Promise<void> {
  const answers = Array.from({ length: each * servers.length }, () => httpGet({ port }))
  await eventually(() => servers.every((server) => server.waiting() === each), 'all connections are in use')
  for (const server of servers) server.restart()
  for (const { status } of await Promise.all(answers)) expect(status).toBe(200)
}

describe('a server that restarts with idle connections open', () => {
  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])(
    'costs no %s: the second try goes over a fresh connection, not another dead one',
    async (method) => {
      const server = await startRestarting()
      const { port } = await startEngine(routeTo(server))
      await leaveDead(port, 8, server)
      for (let time = 1; time <= 4; time++) {
        const answer = await httpGet({ port, method, path: `/${time}` })
        expect({ time, status: answer.status }).toEqual({ time, status: 200 })
      }
      expect(server.answered).toEqual([1, 2, 3, 4].map((time) => `${method} /${time}`))
    },
  )

  it('costs none of many requests at once', async () => {
    const server = await startRestarting()
    const { port } = await startEngine(routeTo(server), { retry: { budget: 1 } })
    await leaveDead(port, 8, server)
    const answers = await Promise.all(Array.from({ length: 8 }, () => httpGet({ port })))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(server.cut.length).toBeGreaterThan(1)
  })

  it('together with every other server costs nothing either', async () => {
    const servers = await Promise.all([startRestarting(), startRestarting()])
    const { port } = await startEngine(routeTo(...servers), { retry: { budget: 1 } })
    await leaveDead(port, 6, ...servers)
    for (let time = 1; time <= 6; time++) expect((await httpGet({ port })).status).toBe(200)
  })

  it('costs a POST, whose first bytes may have been acted upon, and only the one that meets it', async () => {
    const server = await startRestarting()
    const { port } = await startEngine(routeTo(server))
    await leaveDead(port, 1, server)
    const post = { port, method: 'POST', path: '/pay', body: 'x' }
    expect((await httpGet(post)).status).toBe(502)
    expect((await httpGet(post)).status).toBe(200)
    expect([server.cut, server.answered]).toEqual([['POST /pay'], ['POST /pay']])
  })

  it('costs a PUT nothing whose small body is kept', async () => {
    const server = await startRestarting()
    const { port } = await startEngine(routeTo(server))
    await leaveDead(port, 1, server)
    expect((await httpGet({ port, method: 'PUT', body: 'whole' })).status).toBe(200)
    expect([server.cut, server.answered]).toEqual([['PUT /'], ['PUT /']])
  })

  it('costs a PUT whose large body has begun to leave; it is not sent twice', async () => {
    const server = await startRestarting()
    const { port } = await startEngine(routeTo(server))
    await leaveDead(port, 1, server)
    expect((await httpGet({ port, method: 'PUT', body: 'x'.repeat(70_000) })).status).toBe(502)
    expect(server.answered).toEqual([])
  })
})

describe('the connection of a second try', () => {
  it('is kept as any other', async () => {
    const server = await startRestarting()
    const { port } = await startEngine(routeTo(server))
    await leaveDead(port, 1, server)
    expect((await httpGet({ port })).status).toBe(200)
    expect([server.cut, server.answered]).toEqual([['GET /'], ['GET /']])
    expect((await httpGet({ port })).status).toBe(200)
    expect(server.fresh.size).toBe(1)
  })

  it('is cut when the engine closes', async () => {
    let heads = 0
    const server = await startMisbehaving((socket) => {
      heads += 1
      if (heads === 1) socket.resetAndDestroy()
    })
    const { port, engine } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => heads === 2, 'the second try arrives')
    await engine.close()
    await client.untilClosed()
    await eventually(() => server.sockets.size === 0, 'the server is left')
  })

  it('runs on when its server leaves the configuration, and ends then', async () => {
    let heads = 0
    let held: Socket | undefined
    const server = await startMisbehaving((socket) => {
      heads += 1
      if (heads === 1) socket.resetAndDestroy()
      else held = socket
    })
    const other = await startMisbehaving((socket) => void socket.write(OK))
    const { port, engine } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => held !== undefined, 'the second try arrives')
    await engine.apply(routeTo(other.url))
    held?.write(OK)
    expect(await client.until('ok')).toMatch(/^HTTP\/1\.1 200 /)
    await eventually(() => server.sockets.size === 0, 'the server is left')
  })
})
