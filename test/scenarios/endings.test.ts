import type { Socket } from 'node:net'
import type { RequestFailed } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  type LiveEngine,
  openRaw,
  routeTo,
  startEngine,
  startMisbehaving,
  startServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

function recordFailed({ engine }: LiveEngine): RequestFailed[] {
  const failed: RequestFailed[] = []
  engine.events.on('requestFailed', (event) => failed.push(event))
  return failed
}

describe('a server that goes', () => {
  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'before its head (%s) is 502 PROXY_UPSTREAM_RESET, for the client and in the event',
    async (how) => {
      const server = await startMisbehaving((socket) => void socket[how]())
      const live = await startEngine(routeTo(server.url))
      const failed = recordFailed(live)
      const answer = await httpGet({ port: live.port, method: 'POST' })
      expect(answer).toMatchObject({ status: 502, body: expect.stringContaining('PROXY_UPSTREAM_RESET') })
      expect(failed).toMatchObject([{ status: 502, error: { code: 'PROXY_UPSTREAM_RESET' } }])
    },
  )

  it.each([
    ['in half a status line', 'HTTP/1.1 20'],
    ['in its head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['after an early hint', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'],
  ])('%s is 502', async (_, bytes) => {
    const server = await startMisbehaving((socket) => void socket.end(bytes))
    const live = await startEngine(routeTo(server.url))
    const failed = recordFailed(live)
    expect(await httpGet({ port: live.port })).toMatchObject({ status: 502 })
    expect(failed).toMatchObject([{ status: 502, error: { code: expect.stringMatching(/RESET|BAD_RES/) } }])
  })

  const HALVES = {
    chunked: 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'chunked, to be closed': 'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'of a length': 'Content-Length: 8\r\n\r\nhalf',
    'of a length, to be closed': 'Connection: close\r\nContent-Length: 8\r\n\r\nhalf',
  }
  it.each(
    Object.entries(HALVES).flatMap(([what, half]) =>
      (['end', 'resetAndDestroy'] as const).map((how) => [what, how, half] as const),
    ),
  )('in its body (%s, %s) cuts the client, and the event says so', async (_, how, half) => {
    const sockets: Socket[] = []
    const server = await startMisbehaving((socket) => {
      sockets.push(socket)
      socket.write(`HTTP/1.1 200 OK\r\n${half}`)
    })
    const live = await startEngine(routeTo(server.url))
    const failed = recordFailed(live)
    const client = await openRaw(live.port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('half')
    for (const socket of sockets) socket[how]()
    expect(await client.untilClosed()).toMatch(/half(\r\n)?$/)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({
      status: 200,
      error: { code: expect.stringMatching(/^PROXY_(UPSTREAM_RESET|BAD_RESPONSE)$/) },
    })
  })

  it('by a reset in a body that only the end of its connection ends cuts the client too: some may be lost', async () => {
    const sockets: Socket[] = []
    const server = await startMisbehaving((socket) => {
      sockets.push(socket)
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf')
    })
    const live = await startEngine(routeTo(server.url))
    const failed = recordFailed(live)
    const client = await openRaw(live.port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('half')
    for (const socket of sockets) socket.resetAndDestroy()
    expect(await client.untilClosed()).not.toMatch(/\r\n0\r\n/)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]?.error.code).toBe('PROXY_UPSTREAM_RESET')
  })
})

describe('a server that closes its connection after a response', () => {
  it.each([
    ['as it said', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', 'ok'],
    [
      'as the end of a body without a length',
      'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
      '2\r\nok\r\n0\r\n\r\n',
    ],
    ['as HTTP/1.0 does', 'HTTP/1.0 200 OK\r\n\r\nok', '2\r\nok\r\n0\r\n\r\n'],
  ])('%s does not close the client’s', async (_, response, expected) => {
    const server = await startMisbehaving((socket) => void socket.end(response))
    const { port, front } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    for (let time = 1; time <= 3; time++) {
      client.received = ''
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      expect(await client.until(expected)).not.toMatch(/connection: close/i)
    }
    expect([front.connections, server.connections]).toEqual([1, 3])
  })
})

describe('a limit of Infinity', () => {
  it('is none, on every time of a request to a server', async () => {
    const none = Number.POSITIVE_INFINITY
    const server = await startServer((_req, res) => res.end('ok'))
    const timeouts = { connectMs: none, responseHeadMs: none, bodyIdleMs: none, upstreamKeepAliveMs: none }
    const { port } = await startEngine(routeTo(server), { timeouts })
    for (let time = 0; time < 3; time++) expect((await httpGet({ port })).status).toBe(200)
    expect(server.connections).toBe(1)
  })

  it.each(['connectMs', 'responseHeadMs', 'bodyIdleMs', 'upstreamKeepAliveMs'])(
    'and fractions, and more than a timer can hold, are limits too: %s',
    async (name) => {
      const server = await startServer((_req, res) => res.end('ok'))
      for (const value of [1_500.5, 1e12]) {
        const { port } = await startEngine(routeTo(server), { timeouts: { [name]: value } })
        const before = server.connections
        for (let time = 0; time < 3; time++) expect((await httpGet({ port })).status).toBe(200)
        expect(server.connections - before).toBe(1)
      }
    },
  )
})
