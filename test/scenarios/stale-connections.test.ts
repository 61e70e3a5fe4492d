import type { EngineOptions } from 'switchover'
import { describe, expect, it } from 'vitest'
import { Authority } from '../support/etcd-tls.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, recordFinished, routeTo, startEngine, startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { type Cut, RestartingServer } from '../support/restarting-server.js'

const IDLE = 50
const ROUNDS = 20

/** In each round every idle connection dies under a request. @returns statuses that are not 200 */
async function failuresOf(
  server: RestartingServer,
  port: number,
  rounds = ROUNDS,
  method = 'GET',
  body?: string,
) {
  const failed: number[] = []
  for (let round = 0; round < rounds; round++) {
    await server.restartWithIdle(IDLE, () => httpGet({ port }))
    const answers = await Promise.all(
      Array.from({ length: IDLE }, () => httpGet({ port, method, ...(body !== undefined && { body }) })),
    )
    for (const { status } of answers) if (status !== 200) failed.push(status)
  }
  return failed
}

describe(`${IDLE} requests on ${IDLE} idle connections that die, in ${ROUNDS} rounds`, () => {
  const cuts: Cut[] = [{ by: 'FIN' }, { by: 'RST' }, { by: 'FIN', which: 'all' }, { by: 'RST', which: 'all' }]
  it.each(cuts)('fail none: %o', async (how) => {
    const server = await RestartingServer.start(how)
    const { port } = await startEngine(routeTo(server), { retry: { budget: 0 } })
    expect(await failuresOf(server, port)).toEqual([])
    expect(server.cut.length).toBeGreaterThanOrEqual(ROUNDS)
  })

  it.each([
    ['HEAD', undefined],
    ['OPTIONS', undefined],
    ['DELETE', undefined],
    ['PUT', undefined],
    ['PUT', 'a small body, which is kept'],
  ])('fail none: %s with the body %o', async (method, body) => {
    const server = await RestartingServer.start({ by: 'RST' })
    const { port } = await startEngine(routeTo(server), { retry: { budget: 0 } })
    expect(await failuresOf(server, port, 5, method, body)).toEqual([])
    expect(server.cut.length).toBeGreaterThanOrEqual(5)
  })

  it.each(cuts.slice(0, 2))('fail none over TLS: %o', async (how) => {
    const server = await RestartingServer.start(how, await (await Authority.create('any')).sign())
    const options = { retry: { budget: 0 }, upstreamTls: { insecureSkipVerify: true } }
    const { port } = await startEngine(routeTo(server), options)
    expect(await failuresOf(server, port, 5)).toEqual([])
    expect(server.cut.length).toBeGreaterThanOrEqual(5)
  })
})

/** Leaves one idle connection that dies under the next request. */
async function startStale(how: Cut, options: EngineOptions = {}) {
  const server = await RestartingServer.start(how)
  const { port, engine } = await startEngine(routeTo(server), options)
  await server.restartWithIdle(1, () => httpGet({ port }))
  return { server, port, engine, finished: recordFinished(engine) }
}

describe('a request on an idle connection that dies', () => {
  it.each(['POST', 'PATCH', 'LOCK'])('is not sent twice if it is a %s', async (method) => {
    const { server, port, finished } = await startStale({ by: 'RST' })
    expect(await httpGet({ port, method, body: 'x' })).toMatchObject({ status: 502 })
    expect([server.cut, server.answered]).toEqual([[`${method} /`], []])
    await eventually(() => finished.length > 0, 'it is told')
    expect(finished).toMatchObject([{ status: 502, retries: 0 }])
  })

  it('is not sent twice if its body has begun to leave and is not kept', async () => {
    const { server, port } = await startStale({ by: 'RST' })
    expect(await httpGet({ port, method: 'PUT', body: 'x'.repeat(70_000) })).toMatchObject({ status: 502 })
    expect(server.answered).toEqual([])
  })

  it('is not sent twice where the configuration says that nothing is', async () => {
    const { server, port } = await startStale({ by: 'RST' }, { retry: { attempts: 1 } })
    expect(await httpGet({ port })).toMatchObject({ status: 502 })
    expect(server.answered).toEqual([])
  })

  it('counts as one retry, and as no failure of its server', async () => {
    const { port, engine, finished } = await startStale({ by: 'FIN' })
    const down: unknown[] = []
    engine.events.on('serverDown', (event) => down.push(event))
    expect(await httpGet({ port })).toMatchObject({ status: 200 })
    await eventually(() => finished.length > 0, 'it is told')
    expect(finished).toMatchObject([{ status: 200, retries: 1 }])
    expect(down).toEqual([])
  })

  it('is sent twice for a client that speaks HTTP/1.0', async () => {
    const { server, port } = await startStale({ by: 'RST' })
    const client = await openRaw(port)
    client.sendHead('GET /old HTTP/1.0', 'Host: a')
    expect(await client.untilClosed()).toMatch(/ 200 OK/)
    expect([server.cut, server.answered]).toEqual([['GET /old'], ['GET /old']])
  })

  it('is sent twice if it asks for a WebSocket', async () => {
    const { server, port } = await startStale({ by: 'RST' })
    const client = await openRaw(port)
    client.sendHead('GET /ws HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    expect(await client.until('\r\n\r\nok')).toMatch(/ 200 OK/)
    expect([server.cut, server.answered]).toEqual([['GET /ws'], ['GET /ws']])
  })

  it.each([
    ['not a byte came', undefined, []],
    ['a part of a head came', 'HTTP/1.1 2', [{ backend: 'pool@static', server: 's1' }]],
  ])('is a failure of its server by what came: %s', async (_, after, told) => {
    const server = await RestartingServer.start({ by: 'FIN', ...(after !== undefined && { after }) })
    const config = routeTo(server, await startNamed('other'))
    const pool = {
      ...config.backends['pool']!,
      outlierDetection: { consecutiveFailures: 1, maxEjectedShare: 1 },
    }
    const { port, engine } = await startEngine({ ...config, backends: { pool } })
    const down: unknown[] = []
    engine.events.on('serverDown', ({ backend, server: name }) => down.push({ backend, server: name }))
    const first = httpGet({ port })
    await server.restartWithIdle(1, () => first)
    // They take turns.
    for (let sent = 0; sent < 2; sent++) expect(await httpGet({ port })).toMatchObject({ status: 200 })
    expect(server.cut).toEqual(['GET /'])
    expect(down).toEqual(told)
  })

  it('costs nothing with several servers that all restart, and trips nothing', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => RestartingServer.start({ by: 'RST' })))
    const config = routeTo(...servers)
    const pool = {
      ...config.backends['pool']!,
      outlierDetection: { consecutiveFailures: 1 },
      circuitBreaker: { expression: 'NetworkErrorRatio() > 0' },
    }
    const { port, engine } = await startEngine({ ...config, backends: { pool } }, { retry: { budget: 0 } })
    const told: unknown[] = []
    engine.events.on('serverDown', (event) => told.push(event))
    engine.events.on('circuitChanged', (event) => told.push(event))
    for (let round = 0; round < 5; round++) {
      // They take turns: each has its third.
      const asked = Array.from({ length: 3 * 12 }, () => httpGet({ port }))
      let next = 0
      await Promise.all(servers.map((server) => server.restartWithIdle(12, () => asked[next++]!)))
      const answers = await Promise.all(Array.from({ length: 3 * 12 }, () => httpGet({ port })))
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    }
    expect(servers.every(({ cut }) => cut.length > 0)).toBe(true)
    expect(told).toEqual([])
  })
})
