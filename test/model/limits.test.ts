import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  routeTo,
  startEngine,
  startMisbehaving,
  startNamed,
  startServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** A server that reads what it is sent and never answers. */
const startMute = () => startServer((req) => void req.resume())

/** A server that starts a response and goes on with it for ever, as fast as it is taken. */
const startEndless = (onClosed = () => {}) =>
  startServer((_req, res) => {
    res.on('close', onClosed)
    const piece = Buffer.alloc(64 * 1024)
    const write = () => {
      while (!res.destroyed && res.write(piece));
    }
    res.on('drain', write)
    write()
  })

describe('a body that stands still for bodyIdleMs', () => {
  it('because the client sends nothing of it is 408, and the server is left', async () => {
    const server = await startMute()
    const { port, engine } = await startEngine(routeTo(server), { timeouts: { bodyIdleMs: 1_000 } })
    const finished = recordFinished(engine)
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10').send('abc')
    expect(await client.untilClosed(30_000)).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*\r\nConnection: close\r\n[\s\S]*PROXY_CLIENT_TIMEOUT/,
    )
    await eventually(() => server.sockets.size === 0, 'the server is left')
    expect(finished).toMatchObject([{ status: 408 }])
  })

  it('because the client reads nothing of the response is cut', async () => {
    let left = false
    const server = await startEndless(() => {
      left = true
    })
    const { port, engine } = await startEngine(routeTo(server), { timeouts: { bodyIdleMs: 1_000 } })
    const failed: string[] = []
    engine.events.on('requestFailed', ({ error }) => failed.push(error.code))
    const client = await openRaw(port)
    client.socket.pause()
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => failed.length > 0, 'the request fails')
    expect(failed).toEqual(['PROXY_CLIENT_TIMEOUT'])
    await eventually(() => left, 'the server is left')
  })

  it('because the server takes nothing of it is 504', async () => {
    const server = await startMisbehaving((socket) => void socket.pause())
    const { port } = await startEngine(routeTo(server.url), { timeouts: { bodyIdleMs: 1_000 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100000000').send(Buffer.alloc(20_000_000))
    expect(await client.until('\r\n\r\n', 30_000)).toMatch(/^HTTP\/1\.1 504 /)
  })
})

describe('a request that lasts longer than requestMs', () => {
  it('is 504 before its response has begun', async () => {
    const { port } = await startEngine(routeTo(await startMute()), { timeouts: { requestMs: 500 } })
    expect(await httpGet({ port })).toMatchObject({
      status: 504,
      body: expect.stringContaining('PROXY_REQUEST_TIMEOUT'),
    })
  })

  it('is cut in the middle of its response', async () => {
    const { port } = await startEngine(routeTo(await startEndless()), { timeouts: { requestMs: 500 } })
    await expect(httpGet({ port })).rejects.toThrow(/aborted|ECONNRESET/)
  })
})

describe('a body longer than its limit', () => {
  it.each([
    ['by its length, at once', ['Content-Length: 11'], ''],
    ['by its chunks, when it gets there', ['Transfer-Encoding: chunked'], '6\r\nabcdef\r\n6\r\nabcdef\r\n'],
  ])('is 413: %s', async (_, headers, body) => {
    const server = await startNamed('s')
    const { port } = await startEngine(routeTo(server), { limits: { bodyBytes: 10 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', ...headers).send(body)
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 413 [\s\S]*PROXY_BODY_TOO_LARGE/)
  })

  it('has the limit of its backend, where that has one', async () => {
    const server = await startNamed('s')
    const { port, engine } = await startEngine(routeTo(server), { limits: { bodyBytes: 10 } })
    const { frontends, backends } = routeTo(server)
    const limited = (bytes: number) => ({
      frontends,
      backends: { pool: { ...backends['pool']!, buffering: { maxRequestBodyBytes: bytes } } },
    })
    const post = () => httpGet({ port, method: 'POST', body: 'twelve bytes' })
    await engine.apply(limited(12))
    expect(await post()).toMatchObject({ status: 200 })
    await engine.apply(limited(0))
    expect(await post()).toMatchObject({ status: 413 })
  })
})

it('more requests than limits.requestsInFlight are 503', async () => {
  const server = await startMute()
  const { port } = await startEngine(routeTo(server), { limits: { requestsInFlight: 2 } })
  const waiting = [request({ port, host: '127.0.0.1' }), request({ port, host: '127.0.0.1' })]
  for (const one of waiting) one.on('error', () => {}).end()
  await eventually(() => server.sockets.size === 2, 'two are under way')
  expect(await httpGet({ port })).toMatchObject({
    status: 503,
    body: expect.stringContaining('PROXY_OVERLOADED'),
  })
  for (const one of waiting) one.destroy()
})

describe('a client that expects 100', () => {
  it('is asked for its body when the server wants it, and not if nobody does', async () => {
    const server = await startNamed('s')
    const { port, front } = await startEngine(routeTo(server), { limits: { bodyBytes: 10 } })
    front.server.on('checkContinue', front.server.listeners('request')[0] as never)
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Expect: 100-continue')
    await client.until('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('ok')
    await client.until(/HTTP\/1\.1 200 OK\r\n/)
    const refused = await openRaw(port)
    refused.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 11', 'Expect: 100-continue')
    expect(await refused.untilClosed()).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('is answered once where node has answered by itself', async () => {
    const { port } = await startEngine(routeTo(await startNamed('s')))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Expect: 100-continue').send('ok')
    expect((await client.until(/HTTP\/1\.1 200 OK\r\n/)).match(/100 Continue/g)).toHaveLength(1)
  })
})

describe('what runs on a server that left the configuration', () => {
  it('runs on, and no longer than retireAfterMs', async () => {
    const server = await startMute()
    const { port, engine } = await startEngine(routeTo(server), { timeouts: { retireAfterMs: 500 } })
    const failed: string[] = []
    engine.events.on('requestFailed', ({ error }) => failed.push(error.code))
    const answer = httpGet({ port })
    await eventually(() => server.sockets.size === 1, 'the server has it')
    await engine.apply(routeTo(await startNamed('other')))
    expect(await answer).toMatchObject({ status: 503 })
    expect(failed).toEqual(['PROXY_SERVER_RETIRED'])
  })
})
