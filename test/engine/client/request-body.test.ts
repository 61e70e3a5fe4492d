import { createHash } from 'node:crypto'
import { Agent } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../../support/http-get.js'
import {
  openRaw,
  routeTo,
  settled,
  startEngine,
  startMisbehaving,
  startServer,
} from '../../support/live-engine.js'
import { refusingUrl } from '../../support/misbehaving-server.js'
import { eventually } from '../../support/next-event.js'

const MB = 1024 * 1024
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A server that says what it was sent, and counts. */
async function startEcho() {
  const seen: string[] = []
  const server = await startServer(async (req, res) => {
    let body = ''
    for await (const chunk of req.setEncoding('latin1')) body += chunk
    const { 'content-length': length, 'transfer-encoding': coding } = req.headers
    seen.push(`${req.method} ${body} length=${length} coding=${coding}`)
    res.end('ok')
  })
  return { server, seen }
}

describe('a body', () => {
  it('is streamed: a server that does not read stops the client, and memory stays small', async () => {
    const size = 96 * MB
    let read: (() => void) | undefined
    const digest = createHash('sha256')
    const server = await startServer((req, res) => {
      read = () => {
        req.on('data', (chunk: Buffer) => digest.update(chunk))
        req.on('end', () => res.end(digest.digest('hex')))
      }
    })
    const { port } = await startEngine(routeTo(server))
    const chunk = Buffer.alloc(MB, 'x')
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', `Content-Length: ${size}`)
    const before = process.memoryUsage().external
    let sent = 0
    const write = () => {
      while (sent < size) {
        sent += chunk.length
        if (!client.socket.write(chunk)) return void client.socket.once('drain', write)
      }
    }
    write()
    await eventually(() => read !== undefined, 'the request arrives')
    const stalledAt = await settled(() => sent)
    expect(stalledAt).toBeLessThan(size / 2)
    expect(process.memoryUsage().external - before).toBeLessThan(16 * MB)

    read!()
    const expected = createHash('sha256')
    for (let done = 0; done < size; done += chunk.length) expected.update(chunk)
    await client.until(expected.digest('hex'), 30_000)
  })

  it('reaches the server piece by piece', async () => {
    let arrived = ''
    const server = await startServer((req, res) => {
      req.on('data', (chunk) => {
        arrived += chunk
      })
      req.on('end', () => res.end('ok'))
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked').send('3\r\none\r\n')
    await eventually(() => arrived === 'one', 'the first piece')
    client.send('3\r\ntwo\r\n0\r\n\r\n')
    await client.until('ok')
    expect(arrived).toBe('onetwo')
  })

  it.each([
    ['GET', 'Content-Length: 3', 'abc', 'GET abc length=3 coding=undefined'],
    ['GET', 'Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n', 'GET abc length=undefined coding=chunked'],
    [
      'DELETE',
      'Transfer-Encoding: chunked',
      '3\r\nabc\r\n0\r\n\r\n',
      'DELETE abc length=undefined coding=chunked',
    ],
    ['DELETE', 'Content-Length: 3', 'abc', 'DELETE abc length=3 coding=undefined'],
    ['OPTIONS', 'Content-Length: 3', 'abc', 'OPTIONS abc length=3 coding=undefined'],
    ['POST', 'Content-Length: 0', '', 'POST  length=0 coding=undefined'],
    ['POST', 'Content-Length: 00', '', 'POST  length=0 coding=undefined'],
    ['POST', 'X-None: 1', '', 'POST  length=0 coding=undefined'],
    ['POST', 'Content-Length: 3\r\nConnection: Content-Length', 'abc', 'POST abc length=3 coding=undefined'],
    ['PUT', 'Content-Length: 3\r\nExpect: 100-continue', 'abc', 'PUT abc length=3 coding=undefined'],
    [
      'POST',
      'Transfer-Encoding: chunked\r\nTrailer: X-Sum',
      '3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
      'POST abc length=undefined coding=chunked',
    ],
  ])('of a %s with %s and %j makes exactly one request', async (method, header, body, expected) => {
    const { server, seen } = await startEcho()
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead(`${method} / HTTP/1.1`, 'Host: a', header).send(body)
    await client.until('ok')
    // A request behind it on the same connections shows that nothing of the first was left over.
    client.received = ''
    client.sendHead('GET /next HTTP/1.1', 'Host: a')
    await client.until('ok')
    expect(seen).toEqual([expected, 'GET  length=undefined coding=undefined'])
  })

  it('in twenty thousand chunks of one byte reaches the server whole, in few pieces', async () => {
    const chunks = 20_000
    let [bytes, pieces] = [0, 0]
    const server = await startServer((req, res) => {
      req.on('data', (piece: Buffer) => {
        pieces += 1
        bytes += piece.length
      })
      req.on('end', () => res.end('ok'))
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Connection: close')
    client.send('1\r\nx\r\n')
    await eventually(() => pieces === 1, 'the server reads: what follows is not kept for it')
    client.send(`${'1\r\nx\r\n'.repeat(chunks)}0\r\n\r\n`)
    expect(await client.untilClosed()).toMatch(/ok$/)
    expect(bytes).toBe(chunks + 1)
    // One for each read of 64 KiB, and not many more.
    expect(pieces).toBeLessThan(chunks / 50)
  })

  it('that looks like a request stays a body', async () => {
    const { server, seen } = await startEcho()
    const { port } = await startEngine(routeTo(server))
    const smuggled = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n'
    for (const method of ['GET', 'DELETE', 'POST']) {
      const client = await openRaw(port)
      const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`
      client
        .sendHead(`${method} / HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked', 'Connection: close')
        .send(chunk)
      await client.untilClosed()
    }
    expect(seen).toEqual(
      ['GET', 'DELETE', 'POST'].map((m) => `${m} ${smuggled} length=undefined coding=chunked`),
    )
  })
})

describe('a body and a further try', () => {
  it('go to another server together when the first refuses', async () => {
    const { server, seen } = await startEcho()
    const { port } = await startEngine(routeTo(await refusingUrl(), await refusingUrl(), server))
    for (let time = 0; time < 3; time++) {
      const answer = await httpGet({ port, method: 'POST', body: 'whole' })
      expect(answer).toMatchObject({ status: 200, body: 'ok' })
    }
    expect(seen).toEqual(Array(3).fill('POST whole length=5 coding=undefined'))
  })

  it('go together after a cut too, where the body is small, came with its head, and may be sent twice', async () => {
    const { server, seen } = await startEcho()
    const reset = await startMisbehaving((socket) => socket.destroy())
    const { port } = await startEngine(routeTo(reset.url, server))
    expect((await httpGet({ port, method: 'PUT', body: 'whole' })).status).toBe(200)
    expect((await httpGet({ port, method: 'POST', body: 'whole' })).status).toBe(502)
    expect((await httpGet({ port, method: 'POST', body: 'whole' })).body).toBe('ok')
    expect(seen).toEqual(['PUT whole length=5 coding=undefined', 'POST whole length=5 coding=undefined'])
  })

  it.each([
    ['is large', ['Content-Length: 65537'], 'x'.repeat(65_537)],
    ['comes in chunks', ['Transfer-Encoding: chunked'], '5\r\nwhole\r\n0\r\n\r\n'],
  ])('do not go together once a server has begun to read, where it %s', async (_what, head, body) => {
    const { server, seen } = await startEcho()
    const reset = await startMisbehaving((socket) => socket.destroy())
    const { port } = await startEngine(routeTo(reset.url, server))
    const client = await openRaw(port)
    client.sendHead('PUT / HTTP/1.1', 'Host: a', ...head).send(body)
    await client.until('HTTP/1.1 502 ')
    expect(seen).toEqual([])
  })

  it('of which half comes late goes on as it comes', async () => {
    const { server, seen } = await startEcho()
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6').send('abc')
    await eventually(() => server.sockets.size === 1, 'the server is asked')
    client.send('def')
    await client.until('ok')
    expect(seen).toEqual(['POST abcdef length=6 coding=undefined'])
  })
})

describe('the client’s connection', () => {
  it('goes on after a server has died with half of a body that had all come', async () => {
    let requests = 0
    const server = await startMisbehaving((socket) => {
      requests += 1
      if (requests === 1) socket.destroy()
      else socket.write(OK)
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const { port } = await startEngine(routeTo(server.url))
    const body = Buffer.alloc(60_000, 'x')
    expect((await httpGet({ port, agent, method: 'POST', body })).status).toBe(502)
    expect(await httpGet({ port, agent })).toMatchObject({ status: 200, body: 'ok' })
  })

  it('goes on, or ends, after a server has answered without reading the body', async () => {
    let answer: (() => void) | undefined
    let requests = 0
    const server = await startMisbehaving((socket) => {
      requests += 1
      if (requests > 1) return void socket.write(OK)
      socket.pause()
      answer = () => socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big')
    })
    const { port } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    const size = 32 * MB
    client.sendHead('POST / HTTP/1.1', 'Host: a', `Content-Length: ${size}`)
    const chunk = Buffer.alloc(MB, 'x')
    let sent = 0
    const write = () => {
      while (sent < size) {
        sent += chunk.length
        if (!client.socket.write(chunk)) return void client.socket.once('drain', write)
      }
    }
    write()
    await eventually(() => answer !== undefined, 'the request arrives')
    expect(await settled(() => sent)).toBeLessThan(size)
    answer!()
    await client.until('too big')
    await eventually(() => sent >= size || client.closed, 'the rest of the body is taken, or refused')
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => client.received.endsWith('ok') || client.closed, 'the connection is not stuck')
  })
})

it('a body that something in front has read already is an error, not an empty body or a hang', async () => {
  const { server, seen } = await startEcho()
  const { engine } = await startEngine(routeTo(server))
  const front = await startServer(async (req, res) => {
    for await (const _ of req);
    engine.handler(req, res)
  })
  expect((await httpGet({ port: front.port, method: 'POST', body: 'eaten' })).status).toBe(500)
  expect((await httpGet({ port: front.port })).status).toBe(200)
  expect(seen).toEqual(['GET  length=undefined coding=undefined'])
})
