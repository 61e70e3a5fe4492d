import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  routeTo,
  settled,
  startEngine,
  startMisbehaving,
  startServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const MB = 1024 * 1024
/** Much more than all kernel buffers between a server and a client can hold. */
const HUGE = 96 * MB

describe('a response', () => {
  it('is streamed: a client that does not read stops the server, and memory stays small', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let sent = 0
    const server = await startServer((_req, res) => {
      res.setHeader('Content-Length', HUGE)
      const write = () => {
        while (sent < HUGE) {
          sent += chunk.length
          if (!res.write(chunk)) return void res.once('drain', write)
        }
        res.end()
      }
      write()
    })
    const { port } = await startEngine(routeTo(server))
    const before = process.memoryUsage().external
    const client = await openRaw(port)
    client.socket.removeAllListeners('data').pause()
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: close')
    await eventually(() => sent > 0, 'the response begins')
    const stalledAt = await settled(() => sent)
    expect(stalledAt).toBeLessThan(HUGE / 2)
    expect(process.memoryUsage().external - before).toBeLessThan(16 * MB)

    let received = 0
    client.socket.on('data', (data) => {
      received += data.length
    })
    client.socket.resume()
    await client.untilClosed(30_000)
    expect(sent).toBe(HUGE)
    expect(received).toBeGreaterThan(HUGE)
  })

  it('reaches the client piece by piece', async () => {
    let next: (() => void) | undefined
    const server = await startServer((_req, res) => {
      res.write('one')
      next = () => res.end('two')
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('one')
    next!()
    await client.until('two\r\n0\r\n\r\n')
  })

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n', /Content-Length: 1234/],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', /^HTTP\/1\.1 200 OK/],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1\.1 204 No Content/],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', /ETag: "x"/],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n', /^HTTP\/1\.1 304/],
    ['POST', 'HTTP/1.1 201 \r\nContent-Length: 0\r\n\r\n', /^HTTP\/1\.1 201 \r\n/],
    [
      'GET',
      'HTTP/1.1 200 \xe7\x99\xbe\xe5\xba\xa6\r\nContent-Length: 0\r\n\r\n',
      /^HTTP\/1\.1 200 \xe7\x99\xbe\xe5\xba\xa6\r\n/,
    ],
    ['GET', 'HTTP/1.1 299 caf\xe9\r\nContent-Length: 0\r\n\r\n', /^HTTP\/1\.1 299 caf/],
  ])('to %s %j passes, and the client’s connection is used again', async (method, response, expected) => {
    const server = await startMisbehaving((socket) => socket.write(response, 'latin1'))
    const { port, front } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    for (let time = 0; time < 2; time++) {
      client.received = ''
      client.sendHead(`${method} / HTTP/1.1`, 'Host: a', 'Content-Length: 0')
      const received = await client.until('\r\n\r\n')
      expect(received).toMatch(expected)
      expect(received.split('\r\n\r\n')).toEqual([expect.any(String), ''])
    }
    // Behind a response without a body a late one may follow: its connection ends.
    const used = method === 'HEAD' || / (204|304) /.test(response) ? 2 : 1
    expect([server.connections, front.connections]).toEqual([used, 1])
  })

  it('without a body ends with its head, though the server says how long the body would be', async () => {
    const server = await startMisbehaving((socket) =>
      socket.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n'),
    )
    const { port, engine, front } = await startEngine(routeTo(server.url))
    const finished = recordFinished(engine)
    const client = await openRaw(port)
    for (let time = 1; time <= 2; time++) {
      client.received = ''
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 304 .*\r\nContent-Length: 99\r\n/s)
      await eventually(() => finished.length === time, 'the report')
    }
    expect(front.connections).toBe(1)
    expect(finished.map(({ status }) => status)).toEqual([304, 304])
  })

  it('tells its head before the first byte of its body', async () => {
    const server = await startServer((_req, res) => {
      res.setHeader('Content-Type', 'text/event-stream')
      res.flushHeaders()
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    expect(await client.until('\r\n\r\n')).toContain('text/event-stream')
  })

  it('is announced by what the server says before it, and that alone', async () => {
    const server = await startMisbehaving((socket) =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nX-A: b\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n' +
          'HTTP/1.1 103 Early Hints\r\nLink: nonsense\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      ),
    )
    const { port } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    expect(await client.until('\r\n\r\nok')).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/x>; rel=preload\r\nx-a: b\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK\r\n/i,
    )
    client.received = ''
    client.sendHead('GET / HTTP/1.0', 'Host: a')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('may not be announced for ever', async () => {
    const server = await startMisbehaving((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 1)
      socket.on('close', () => clearInterval(timer))
    })
    const { port } = await startEngine(routeTo(server.url))
    expect(await httpGet({ port })).toMatchObject({ status: 502 })
    await eventually(() => server.sockets.size === 0, 'the server is left')
  })

  it('with trailers passes them on, but for those that would change the message after the fact', async () => {
    const server = await startMisbehaving((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\nx-sum: 2\r\n\r\n',
      ),
    )
    const { port } = await startEngine(routeTo(server.url))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Trailer: x', 'TE: trailers')
    expect(await client.until(/\r\n0\r\n.*\r\n\r\n$/s)).toMatch(
      /^HTTP\/1\.1 200 OK\r\nTrailer: X-Sum\r\n.*\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n$/s,
    )
    for (const head of ['HEAD / HTTP/1.1', 'GET / HTTP/1.0']) {
      const other = await openRaw(port)
      other.sendHead(head, 'Host: a', 'Connection: close')
      expect(await other.untilClosed()).not.toMatch(/Trailer|X-Sum/i)
    }
  })

  it('without a length to an HTTP/1.0 client ends with the connection', async () => {
    const server = await startServer((_req, res) => {
      res.write('one')
      res.end('two')
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.0')
    const received = await client.untilClosed()
    expect(received).toMatch(/onetwo$/)
    expect(received).not.toMatch(/chunked/i)
  })
})

describe('a response whose server dies in the middle', () => {
  it.each([
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['with a Content-Length', 'Content-Length: 8\r\n\r\nhalf'],
  ])('%s is cut, and never ended cleanly', async (_, rest) => {
    for (const die of ['end', 'resetAndDestroy'] as const) {
      const server = await startMisbehaving((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${rest}`)
      })
      const { port, engine } = await startEngine(routeTo(server.url))
      const finished = recordFinished(engine)
      const client = await openRaw(port)
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      await client.until('half')
      for (const socket of server.sockets) socket[die]()
      const received = await client.untilClosed()
      expect(received).not.toMatch(/\r\n0\r\n/)
      expect(received).toMatch(/half(\r\n)?$/)
      await eventually(() => finished.length === 1, 'the report')
    }
  })

  it('is an error for a proper client', async () => {
    const server = await startMisbehaving((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
    )
    const { port } = await startEngine(routeTo(server.url))
    await expect(httpGet({ port })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  })

  it('is cut as well when the server falls silent', async () => {
    const server = await startMisbehaving((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf')
    })
    const { port, engine } = await startEngine(routeTo(server.url), { timeouts: { bodyIdleMs: 100 } })
    const failed: string[] = []
    engine.events.on('requestFailed', ({ error }) => failed.push(error.code))
    await expect(httpGet({ port })).rejects.toThrow()
    await eventually(() => failed.length === 1, 'the report')
    expect(failed).toEqual(['PROXY_BODY_TIMEOUT'])
  })
})

describe('a client that leaves', () => {
  it.each(['reset', 'end'] as const)('before the head (%s): the server sees it', async (how) => {
    let arrived = 0
    let closed = 0
    const server = await startServer((req) => {
      arrived += 1
      req.socket.on('close', () => {
        closed += 1
      })
    })
    const { port, engine } = await startEngine(routeTo(server))
    const finished = recordFinished(engine)
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => arrived === 1, 'the request arrives')
    if (how === 'reset') client.reset()
    else client.socket.end()
    await eventually(() => closed === 1, 'the server sees the close', 30_000)
    await eventually(() => finished.length === 1, 'the report')
    expect(finished[0]).toMatchObject({ status: 499 })
  })

  it('during its upload: the server sees it', async () => {
    let arrived = 0
    let aborted = 0
    const server = await startServer((req) => {
      req.on('data', (chunk: Buffer) => {
        arrived += chunk.length
      })
      req.on('error', () => {
        aborted += 1
      })
    })
    const { port, engine } = await startEngine(routeTo(server))
    const failed: string[] = []
    engine.events.on('requestFailed', ({ error }) => failed.push(error.code))
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1000').send('half')
    await eventually(() => arrived === 4, 'the first half arrives')
    client.reset()
    await eventually(() => aborted === 1, 'the server sees the close', 30_000)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed).toEqual(['PROXY_CLIENT_LEFT'])
  })

  it('during its download: the server sees it', async () => {
    let closed = false
    const server = await startServer((_req, res) => {
      res.write('first')
      res.on('close', () => {
        closed = !res.writableFinished
      })
    })
    const { port } = await startEngine(routeTo(server))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('first')
    client.reset()
    await eventually(() => closed, 'the server sees the close', 30_000)
  })

  it('while the server is not even connected: it never gets the request', async () => {
    const server = await startMisbehaving((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    )
    const { port, engine, front } = await startEngine(routeTo(server.url))
    const finished = recordFinished(engine)
    front.server.prependListener('request', (req) => req.socket.destroy())
    await expect(httpGet({ port })).rejects.toThrow()
    await eventually(() => finished.length === 1, 'the report')
    expect(server.received.join('')).toBe('')
  })
})

describe('ending from our side', () => {
  it('cuts a response under way, on both sides', async () => {
    let closed = false
    const server = await startServer((_req, res) => {
      res.write('first')
      res.on('close', () => {
        closed = true
      })
    })
    const { port, engine } = await startEngine(routeTo(server))
    const failed: string[] = []
    engine.events.on('requestFailed', ({ error }) => failed.push(error.code))
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('first')
    await engine.close()
    expect(await client.untilClosed()).not.toMatch(/\r\n0\r\n/)
    await eventually(() => closed, 'the server sees it')
    await eventually(() => failed.length === 1, 'the report')
    expect(failed).toEqual(['PROXY_CLOSED'])
  })
})

describe('a response of the host’s own', () => {
  it('is left as it was when no frontend matches: no listener, nothing written', async () => {
    const { engine } = await startEngine({
      frontends: { one: { backend: 'b', rule: 'Path:/ours' } },
      backends: { b: { servers: {} } },
    })
    const finished = recordFinished(engine)
    const counts: unknown[] = []
    const front = await startServer((req, res) => {
      const before = [res.listenerCount('close'), res.listenerCount('error')]
      engine.handler(req, res, () => {
        counts.push([before, [res.listenerCount('close'), res.listenerCount('error')]])
        expect(res.headersSent).toBe(false)
        res.end(`host's own: ${req.url}`)
      })
    })
    expect((await httpGet({ port: front.port, path: '/theirs/../x' })).body).toBe("host's own: /theirs/../x")
    expect((await httpGet({ port: front.port, path: '/ours' })).status).toBe(503)
    const [[before, after]] = counts as [[number[], number[]]]
    expect(after).toEqual(before)
    await eventually(() => finished.length === 1, 'the report of the other')
    expect(finished[0]).toMatchObject({ path: '/ours' })
  })

  it('can still read the body of its request', async () => {
    const { engine } = await startEngine({ frontends: {}, backends: {} })
    const front = await startServer((req, res) => {
      engine.handler(req, res, () => req.pipe(res))
    })
    expect((await httpGet({ port: front.port, method: 'POST', body: 'mine' })).body).toBe('mine')
  })
})

it('many clients that leave at all moments leave nothing behind', async () => {
  const server = await startServer((req, res) => {
    req.resume()
    res.write('x'.repeat(100_000))
    setImmediate(() => res.end())
  })
  const { port, engine } = await startEngine(routeTo(server))
  const finished = recordFinished(engine)
  const left = Array.from({ length: 60 }, (_, index) => {
    const req = request({ host: '127.0.0.1', port, agent: false, method: index % 2 ? 'POST' : 'GET' })
    req.on('error', () => {})
    if (index % 3 === 0) req.on('response', () => req.destroy())
    else setTimeout(() => req.destroy(), index % 7)
    if (index % 2) req.write('body')
    else req.end()
    return new Promise<void>((resolve) => req.on('close', () => resolve()))
  })
  await Promise.all(left)
  expect((await httpGet({ port })).status).toBe(200)
  await engine.close({ drainMs: 5_000 })
  expect(finished.length).toBeGreaterThan(0)
})
