import type { RequestListener } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  openRaw,
  recordFinished,
  routeTo,
  settled,
  startEngine,
  startOpenEngine,
  startServer,
} from '../../../support/live-engine.js'
import { eventually } from '../../../support/next-event.js'

const KB = 1024
const MB = 1024 * KB

/** Answers by a head at once, and reads nothing of the body. */
const early: RequestListener = (req, res) => {
  res.writeHead(Number(req.headers['x-status'] ?? 200), { 'X-Early': 'yes' })
  res.end('early')
}

/** Sends chunks until the connection is gone. @returns says how many bytes the connection took */
function sendForEver(client: Awaited<ReturnType<typeof openRaw>>): () => number {
  const piece = Buffer.from(`10000\r\n${'x'.repeat(64 * KB)}\r\n`)
  const send = () => {
    while (!client.closed && client.socket.write(piece));
    if (!client.closed) client.socket.once('drain', send)
  }
  send()
  return () => client.socket.bytesWritten
}

const CHUNKED = ['Host: a', 'Transfer-Encoding: chunked'] as const

/** Bytes that the proxy has read of its clients: those of connections that are gone too. */
function countRead(front: Awaited<ReturnType<typeof startEngine>>['front']): () => number {
  let gone = 0
  front.server.on('connection', (socket) => socket.on('close', () => (gone += socket.bytesRead)))
  return () => [...front.sockets].reduce((sum, socket) => sum + socket.bytesRead, gone)
}

describe('an upload that its server has answered before its end', () => {
  it.each([200, 404, 413])('is read for `limits.lingerBytes` more (%i)', async (status) => {
    const server = await startServer(early)
    const limits = { lingerBytes: MB, lingerMs: 60_000 }
    const { port, engine, front } = await startEngine(routeTo(server), { limits })
    const finished = recordFinished(engine)
    const read = countRead(front)
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead('POST / HTTP/1.1', ...CHUNKED, `X-Status: ${status}`)
    sendForEver(client)
    await client.untilClosed(20_000)
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(client.received).toMatch(/\r\nConnection: close\r\n/)
    expect(client.received).toContain('early')
    // Beside it: what was on its way to the server, and one read of the socket.
    expect(read()).toBeLessThan(8 * MB)
    await eventually(() => finished.length === 1, 'the request is told of')
    expect(finished).toMatchObject([{ status }])
  })

  it('counts among the requests under way until its connection is gone', async () => {
    const server = await startServer(early)
    const limits = { lingerMs: 60_000, requestsInFlight: 1 }
    const { port, engine } = await startOpenEngine(routeTo(server), { limits })
    const finished = recordFinished(engine)
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead('POST / HTTP/1.1', ...CHUNKED).send('3\r\nabc\r\n')
    await eventually(() => client.ended, 'the answer ends')
    expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*early/)
    const other = await openRaw(port)
    other.sendHead('GET / HTTP/1.1', 'Host: a')
    expect(await other.until('\n\r\n')).toMatch(/^HTTP\/1\.1 503 /)
    expect([engine.inFlight.size, finished.length]).toEqual([1, 1])
    client.socket.end()
    await eventually(() => engine.inFlight.size === 0, 'it is over')
    expect(finished.map(({ status }) => status)).toEqual([503, 200])
  })

  it('has the time of `limits.lingerMs`, though its client never stands still', async () => {
    const server = await startServer(early)
    const { port, engine } = await startOpenEngine(routeTo(server), { limits: { lingerMs: 200 } })
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead('POST / HTTP/1.1', ...CHUNKED)
    const trickle = setInterval(() => client.socket.write('1\r\nx\r\n'), 5)
    onTestFinished(() => clearInterval(trickle))
    await client.untilClosed(20_000)
    expect(engine.inFlight.size).toBe(0)
  })

  it('has no more time than `timeouts.requestMs`', async () => {
    const server = await startServer(early)
    const options = { limits: { lingerMs: 3_600_000 }, timeouts: { requestMs: 500 } }
    const { port, engine } = await startOpenEngine(routeTo(server), options)
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead('POST / HTTP/1.1', ...CHUNKED)
    const trickle = setInterval(() => client.socket.write('1\r\nx\r\n'), 5)
    onTestFinished(() => clearInterval(trickle))
    await client.untilClosed(20_000)
    expect(client.received).toContain('early')
    expect(engine.inFlight.size).toBe(0)
  })

  it('is read no further than `limits.bodyBytes`, and its client gets the answer', async () => {
    const server = await startServer(early)
    const limits = { bodyBytes: 256 * KB, lingerMs: 60_000 }
    const { port, front, engine } = await startOpenEngine(routeTo(server), { limits })
    const read = countRead(front)
    const client = await openRaw(port, { allowHalfOpen: true })
    client.sendHead('POST / HTTP/1.1', ...CHUNKED).send('3\r\nabc\r\n')
    await client.until('early')
    sendForEver(client)
    await settled(read)
    expect(read()).toBeLessThan(MB)
    expect([client.closed, engine.inFlight.size]).toEqual([false, 1])
    await engine.close()
  })

  it('keeps its connection if little is to come', async () => {
    const server = await startServer(early)
    const { port, engine } = await startOpenEngine(routeTo(server), { limits: { requestsInFlight: 1 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1000').send('x'.repeat(10))
    await client.until('early')
    expect(client.received).not.toContain('Connection: close')
    expect(engine.inFlight.size).toBe(1)
    client.send('x'.repeat(990))
    await eventually(() => engine.inFlight.size === 0, 'the upload is over')
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'X-Status: 404')
    await client.until(/404 Not Found[\s\S]*early/)
  })

  it('loses its connection if the little that is to come does not', async () => {
    const server = await startServer(early)
    const { port, engine } = await startOpenEngine(routeTo(server), { limits: { lingerMs: 200 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1000').send('x'.repeat(10))
    await client.until('early')
    await client.untilClosed(20_000)
    await eventually(() => engine.inFlight.size === 0, 'it is over')
  })

  it('arrives whole at a client that reads nothing before it has sent all', async () => {
    const answer = 'y'.repeat(2 * MB)
    const server = await startServer((_req, res) => res.end(answer))
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.socket.pause()
    client.sendHead('POST / HTTP/1.1', 'Host: a', `Content-Length: ${6 * MB}`)
    await new Promise<void>((resolve) => client.socket.write(Buffer.alloc(6 * MB, 'x'), () => resolve()))
    client.socket.resume()
    await client.untilClosed(20_000)
    expect(client.received.endsWith(`\r\n\r\n${answer}`)).toBe(true)
  })
})

describe('a server that answers early and reads on', () => {
  it('gets all of the body, whatever the limits on what nobody reads', async () => {
    let bytes = 0
    const server = await startServer((req, res) => {
      res.flushHeaders()
      req.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      req.on('end', () => res.end('all of it'))
    })
    const { port } = await startEngine(routeTo(server), { limits: { lingerBytes: 1, lingerMs: 1 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', `Content-Length: ${20 * MB}`).send('x')
    await client.until('HTTP/1.1 200 OK')
    client.send(Buffer.alloc(20 * MB - 1, 'x'))
    await client.until('all of it', 20_000)
    expect(bytes).toBe(20 * MB)
  })

  it('may answer piece by piece', async () => {
    const server = await startServer((req, res) => {
      res.flushHeaders()
      req.pipe(res)
    })
    const { port } = await startEngine(routeTo(server), { limits: { lingerBytes: 1, lingerMs: 1 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', ...CHUNKED)
    for (const piece of ['one', 'two', 'three']) {
      client.send(`${piece.length}\r\n${piece}\r\n`)
      await client.until(piece)
    }
    client.send('0\r\n\r\n')
    await client.until('\r\n0\r\n\r\n')
  })

  it('is cut off where the body is longer than `limits.bodyBytes`', async () => {
    const server = await startServer((req, res) => {
      res.flushHeaders()
      req.resume()
    })
    const { port, engine } = await startOpenEngine(routeTo(server), { limits: { bodyBytes: 100 } })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', ...CHUNKED).send('3\r\nabc\r\n')
    await client.until('HTTP/1.1 200 OK')
    sendForEver(client)
    await client.untilClosed()
    await eventually(() => engine.inFlight.size === 0, 'it is over')
  })
})
