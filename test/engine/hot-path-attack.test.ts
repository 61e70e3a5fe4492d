import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGzip } from 'node:zlib'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Http1Upstream } from '../../src/engine/upstream/http1-upstream.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startEngine, startMisbehaving, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

describe('what an attack on the hot path found', () => {
  it('a client that leaves behind a response that its server has ended harms no request of another', async () => {
    const served = new Map<string, ServerResponse>()
    const server = await startServer((req, res) => {
      served.set(req.url as string, res)
      if (req.url === '/quick') res.end('quick')
    })
    const { port } = await startEngine(routeTo(server), { limits: { pipelined: 2 } })
    const leaving = await openRaw(port)
    leaving.send('GET /held HTTP/1.1\r\nHost: a\r\n\r\nGET /quick HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => served.get('/quick')?.writableFinished === true, 'quick is served')
    // On the connection that quick had, once that is free.
    let other = httpGet({ port, path: '/quick' })
    await other
    other = httpGet({ port, path: '/slow' })
    await eventually(() => served.has('/slow'), 'slow has come')
    expect(server.connections).toBe(2)
    leaving.reset()
    await eventually(() => served.get('/held')?.destroyed === true, 'it has left')
    served.get('/slow')?.end('slow')
    expect(await other).toMatchObject({ status: 200, body: 'slow' })
  })

  it('a connection that is given up while undici makes it anew is forgotten', async () => {
    const dispatch = vi.spyOn(Http1Upstream.prototype, 'dispatch')
    onTestFinished(() => dispatch.mockRestore())
    const server = await startMisbehaving((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n'),
    )
    const { port } = await startEngine(routeTo(server), { limits: { bodyBytes: 10 } })
    const client = await openRaw(port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n')
    await client.until('early')
    client.send('9\r\nabcdefghi\r\n')
    await client.untilClosed()
    const upstream = dispatch.mock.contexts[0] as Http1Upstream
    await eventually(() => server.sockets.size === 0 && !upstream.isOpen, 'nothing is left', 30_000)
  })

  it('a response behind another on its connection does not stop that one', async () => {
    const served = new Map<string, ServerResponse>()
    const server = await startServer((req, res) => {
      served.set(req.url as string, res)
      if (req.url === '/big') res.end(Buffer.alloc(20_000_000, 'x'))
    })
    const limits = { pipelined: 2 }
    const { port } = await startEngine(routeTo(server), { limits, timeouts: { bodyIdleMs: 3_000 } })
    const client = await openRaw(port)
    client.socket.pause()
    client.send(
      'GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )
    let before = -1
    await eventually(async () => {
      const { bytesWritten = 0 } = served.get('/big')?.socket ?? {}
      const stands = bytesWritten === before && served.has('/two')
      before = bytesWritten
      await new Promise((resolve) => setTimeout(resolve, 50))
      return stands
    }, 'the first stands still, for its client takes nothing')
    await new Promise<void>((resolve) => served.get('/two')?.write('second', () => resolve()))
    client.socket.resume()
    served.get('/two')?.end()
    const received = await client.untilClosed(30_000)
    expect(received.length).toBeGreaterThan(20_000_000)
    expect(received.slice(-100)).toContain('second')
  })

  it('a server that moves is not given up because the host holds its bytes back', async () => {
    const server = await startServer((_req, res) => {
      let beats = 0
      const timer = setInterval(() => {
        beats += 1
        res.write('beat')
        if (beats < 16) return
        clearInterval(timer)
        res.end()
      }, 300)
      res.on('close', () => clearInterval(timer))
    })
    const { engine } = await startEngine(routeTo(server), { timeouts: { bodyIdleMs: 3_000 } })
    const front = createServer((req, res) => {
      const gzip = createGzip()
      const { write, end } = res
      res.setHeader('Content-Encoding', 'gzip')
      res.write = ((chunk: Buffer) => gzip.write(chunk)) as typeof res.write
      res.end = (() => gzip.end()) as unknown as typeof res.end
      gzip.on('data', (chunk) => write.call(res, chunk, 'latin1', () => {}))
      gzip.on('end', () => end.call(res, '', 'latin1', () => {}))
      engine.handler(req, res)
    })
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void front.close())
    const client = await openRaw((front.address() as AddressInfo).port)
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await client.untilClosed(30_000)).toMatch(/\r\n0\r\n\r\n$/)
  })

  it('a body reaches what the host has put in the place of res.write as bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at))
    const server = await startServer(
      (_req, res) => void res.writeHead(200, { 'Content-Length': 256 }).end(bytes),
    )
    const { engine } = await startEngine(routeTo(server))
    const front = createServer((req, res) => {
      const { write } = res
      res.write = ((chunk: Buffer) =>
        write.call(res, Buffer.from(chunk), 'latin1', () => {})) as typeof res.write
      engine.handler(req, res)
    })
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void front.close())
    const client = await openRaw((front.address() as AddressInfo).port)
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const received = await client.untilClosed()
    expect(received.slice(received.indexOf('\r\n\r\n') + 4)).toBe(bytes.toString('latin1'))
  })

  it("a host's flushHeaders that throws keeps no other response's head back", async () => {
    const server = await startServer((_req, res) => res.flushHeaders())
    const { engine } = await startEngine(routeTo(server))
    const front = createServer((req, res) => {
      if (req.url === '/throws')
        res.flushHeaders = () => {
          throw new Error("the host's own")
        }
      engine.handler(req, res)
    })
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      front.closeAllConnections()
      front.close()
    })
    const { port } = front.address() as AddressInfo
    const [throwing, good] = [await openRaw(port), await openRaw(port)]
    throwing.sendHead('GET /throws HTTP/1.1', 'Host: a')
    await throwing.untilClosed()
    good.sendHead('GET / HTTP/1.1', 'Host: a')
    await good.until('HTTP/1.1 200 ')
  })
})
