import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, routeTo, startMisbehaving } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
const GET = ['GET / HTTP/1.1', 'Host: a']
const UPGRADE = [...GET, 'Connection: Upgrade', 'Upgrade: websocket']

/** Sends one every 300 ms, 30 times: two fewer than are refused. A limit of 1 s is reached long before the last. */
function sayForLong(socket: Socket, bytes: string, onFirst = () => {}): void {
  let left = 30
  const timer = setInterval(() => {
    left -= 1
    if (left <= 0) clearInterval(timer)
    socket.write(bytes)
    onFirst()
  }, 300)
  socket.on('close', () => clearInterval(timer))
}

async function start(onHead: (socket: Socket) => void, on: 'listen' | 'attach' | 'handler' = 'listen') {
  const server = await startMisbehaving(onHead)
  const timeouts = { responseHeadMs: 1_000, bodyIdleMs: 60_000 }
  const proxy = createProxy({ config: routeTo(server.url), timeouts, limits: { pipelined: 5 } })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const failed: string[] = []
  proxy.on('requestFailed', ({ error }) => failed.push(error.code))
  if (on === 'listen') return { failed, ...(await proxy.listen({ port: 0, host: '127.0.0.1' })) }
  const front = createServer()
  if (on === 'attach') proxy.attach(front)
  else front.on('request', proxy.handler).on('upgrade', proxy.upgrade)
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    front.close()
    front.closeAllConnections()
  })
  return { failed, port: (front.address() as AddressInfo).port }
}

/** How often a text stands in another. */
const count = (text: string, part: string) => text.split(part).length - 1

describe('responses before the one do not prolong responseHeadMs', { timeout: 60_000 }, () => {
  it('whatever they are, and whoever is to get them', async () => {
    const cases: [string, string, string[], 'listen' | 'attach' | 'handler'][] = [
      ['that go on to the client', HINT, GET, 'listen'],
      ['that go on, attached', HINT, GET, 'attach'],
      ['that go on, by the handler', HINT, GET, 'handler'],
      ['102', 'HTTP/1.1 102 Processing\r\n\r\n', GET, 'listen'],
      ['that nobody has a use for', 'HTTP/1.1 110 What\r\n\r\n', GET, 'listen'],
      [
        'that a client of HTTP/1.0 does not get',
        HINT,
        ['GET / HTTP/1.0', 'Connection: keep-alive'],
        'listen',
      ],
      ['to HEAD', HINT, ['HEAD / HTTP/1.1', 'Host: a'], 'listen'],
      ['before a 101 that never comes', HINT, UPGRADE, 'listen'],
      ['before a 101 that never comes, by the handler', HINT, UPGRADE, 'handler'],
    ]
    const outcomes = await Promise.all(
      cases.map(async ([what, bytes, request, on]) => {
        let said = 0
        const onFirst = () => {
          said += 1
        }
        const { port, failed } = await start((socket) => sayForLong(socket, bytes, onFirst), on)
        const client = await openRaw(port)
        client.sendHead(...request)
        await client.until(/HTTP\/1\.1 (504|502) /, 20_000)
        // Some were said, and not all: the limit came in the middle of them.
        return [what, failed.join(), said > 1 && said < 29]
      }),
    )
    expect(outcomes).toEqual(cases.map(([what]) => [what, 'PROXY_RESPONSE_TIMEOUT', true]))
  })

  it('nor does a body that came slowly: the time begins at its end', async () => {
    const said: string[] = []
    const { port, failed } = await start((socket) => sayForLong(socket, HINT, () => said.push('103')))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6')
    // As long as the body moves, the client is the one that is waited for.
    for (const byte of 'abcdef') {
      const before = said.length
      client.send(byte)
      await eventually(() => said.length >= before + 2, 'two more are said')
      expect(client.received).not.toContain('504')
    }
    expect(await client.until(/HTTP\/1\.1 504 /, 20_000)).toContain('PROXY_RESPONSE_TIMEOUT')
    expect(failed).toEqual(['PROXY_RESPONSE_TIMEOUT'])
    expect(said.length).toBeLessThan(29)
  })

  it('nor does a response before it on its connection', async () => {
    // The first one moves for ever; the second one, which waits behind it, has a server that says nothing.
    const sockets: Socket[] = []
    const { port, failed } = await start((socket) => {
      if (sockets.push(socket) > 1) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n')
      sayForLong(socket, 'x')
    })
    const client = await openRaw(port)
    client.sendHead(...GET, '', ...GET)
    await client.until('xx')
    await eventually(() => sockets.length === 2, 'both are under way')
    await eventually(() => sockets[1]?.destroyed === true, 'the second one is given up', 20_000)
    expect(failed).toEqual([])
    expect(count(client.received, 'x')).toBeLessThan(29)
  })

  it('the response itself has no limit on its body', async () => {
    const { port, failed } = await start((socket) => {
      socket.write(HINT.repeat(3))
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n')
      sayForLong(socket, 'x')
    })
    const client = await openRaw(port)
    client.sendHead(...GET)
    await client.until('x'.repeat(20), 20_000)
    expect(count(client.received, ' 103 ')).toBe(3)
    expect(failed).toEqual([])
  })
})
