import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGunzip, createGzip } from 'node:zlib'
import compression from 'compression'
import express from 'express'
import { createProxy, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, routeTo, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

type Serve = (proxy: ReverseProxy) => (req: IncomingMessage, res: ServerResponse) => void

const inExpress: Serve = (proxy) => {
  const app = express()
  app.use(compression())
  app.use(proxy.handler)
  return app
}

/** Without Express nothing is set on the response before. */
const alone: Serve = (proxy) => {
  const compress = compression()
  return (req, res) => compress(req as never, res as never, () => proxy.handler(req, res))
}

/** As `compression` did it before it existed in this form, and as others do it: `write` and `end` of its own, and `flush`. */
const byHand: Serve = (proxy) => (req, res) => {
  const gzip = createGzip()
  const [write, end] = [res.write.bind(res), res.end.bind(res)]
  gzip.on('data', (chunk) => write(chunk)).on('end', () => end())
  gzip.on('drain', () => res.emit('drain'))
  const writeHead = res.writeHead.bind(res) as (status: number, reason: string) => ServerResponse
  res.writeHead = ((status: number, reason: string, fields: string[] = []) => {
    for (let at = 0; at < fields.length; at += 2)
      res.appendHeader(fields[at] as string, fields[at + 1] as string)
    res.removeHeader('Content-Length')
    res.setHeader('Content-Encoding', 'gzip')
    return writeHead(status, reason)
  }) as typeof res.writeHead
  res.write = ((chunk: Buffer) => gzip.write(chunk)) as typeof res.write
  res.end = (() => gzip.end()) as unknown as typeof res.end
  Object.assign(res, { flush: () => gzip.flush() })
  proxy.handler(req, res)
}

const HOSTS: readonly (readonly [string, Serve])[] = [
  ['compression in Express', inExpress],
  ['compression alone', alone],
  ['one of its kind', byHand],
]

async function start(serve: Serve, listener: (req: IncomingMessage, res: ServerResponse) => void) {
  const { url } = await startServer(listener)
  const proxy = createProxy({ config: routeTo(url) })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const front: Server = createServer(serve(proxy))
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    front.close()
    front.closeAllConnections()
  })
  return { port: (front.address() as AddressInfo).port }
}

/** Asks for gzip, and reads on. */
async function ask(port: number) {
  const got = { raw: 0, text: '', encoding: '' as unknown, ended: false }
  const headers = { 'Accept-Encoding': 'gzip' }
  const req = get({ port, host: '127.0.0.1', headers, agent: false }, (res) => {
    got.encoding = res.headers['content-encoding']
    res.on('data', (chunk: Buffer) => {
      got.raw += chunk.length
    })
    const body = got.encoding === 'gzip' ? res.pipe(createGunzip()) : res
    body.on('error', () => {})
    body.on('data', (chunk: Buffer) => {
      got.text += chunk.toString('latin1')
    })
    body.on('end', () => {
      got.ended = true
    })
  })
  req.on('error', () => {})
  onTestFinished(() => void req.destroy())
  return got
}

describe.each(HOSTS)('behind %s', (_what, serve) => {
  it.each(['text/event-stream', 'application/x-ndjson', 'text/plain'])(
    'each piece of a stream arrives before the next is sent: %s',
    async (type) => {
      let server: ServerResponse | undefined
      const { port } = await start(serve, (_req, res) => {
        server = res
        res.writeHead(200, { 'Content-Type': type }).flushHeaders()
      })
      const got = await ask(port)
      await eventually(() => got.encoding !== '', 'the head comes before anything else')
      for (let event = 0; event < 20; event += 1) {
        server?.write(`data: ${event}\n\n`)
        await eventually(() => got.text.endsWith(`data: ${event}\n\n`), `event ${event}`)
      }
      // Express's list of what is worth compressing has no ndjson.
      expect(got.encoding).toBe(type === 'application/x-ndjson' && serve !== byHand ? undefined : 'gzip')
      server?.end()
      await eventually(() => got.ended, 'the end')
    },
  )

  it('pieces of a body whose length is known arrive too', async () => {
    let server: ServerResponse | undefined
    const { port } = await start(serve, (_req, res) => {
      server = res
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 4_000 }).write('a'.repeat(2_000))
    })
    const got = await ask(port)
    await eventually(() => got.text.length === 2_000, 'the first half')
    server?.end('b'.repeat(2_000))
    await eventually(() => got.ended, 'the end')
    expect(got).toMatchObject({ encoding: 'gzip', text: 'a'.repeat(2_000) + 'b'.repeat(2_000) })
  })

  it('a large body is compressed as well as ever, and whole', async () => {
    const line = 'one line of many that are all alike\n'
    const body = line.repeat(200_000)
    const { port } = await start(serve, (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/plain' }).end(body)
    })
    const told: Error[] = []
    const tell = (warning: Error) => void told.push(warning)
    process.on('warning', tell)
    onTestFinished(() => void process.off('warning', tell))
    const got = await ask(port)
    await eventually(() => got.ended, 'the end', 15_000)
    expect(got.text === body).toBe(true)
    // Listeners that pile up are told so.
    expect(told).toEqual([])
    expect(got.raw).toBeLessThan(body.length / 50)
  })
})

describe('a response with flush', () => {
  const counting = (counts: { writes: number; flushes: number }): Serve => {
    return (proxy) => (req, res) => {
      const write = res.write.bind(res) as (chunk: Buffer) => boolean
      res.write = ((chunk: Buffer) => {
        counts.writes += 1
        return write(chunk)
      }) as typeof res.write
      const flush = () => {
        counts.flushes += 1
      }
      Object.assign(res, { flush })
      proxy.handler(req, res)
    }
  }

  it('is flushed once for all that came in one piece, and not for what ends with it', async () => {
    const counts = { writes: 0, flushes: 0 }
    let server: ServerResponse | undefined
    const { port } = await start(counting(counts), (_req, res) => {
      server = res
      const chunks = '2\r\nab\r\n'.repeat(50)
      res.socket?.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
    })
    const got = await ask(port)
    await eventually(() => got.text.length === 100 && counts.flushes > 0, 'all of it')
    expect(counts).toEqual({ writes: 50, flushes: 1 })
    server?.socket?.write('2\r\nab\r\n0\r\n\r\n')
    await eventually(() => got.ended, 'the end')
    expect(counts).toEqual({ writes: 51, flushes: 1 })
  })

  it('that throws ends its own response, and nothing else', async () => {
    const throwing: Serve = (proxy) => (req, res) => {
      const flush = () => {
        throw new Error('flush')
      }
      Object.assign(res, req.url === '/throws' ? { flush } : {})
      proxy.handler(req, res)
    }
    const { port } = await start(throwing, (_req, res) => void res.writeHead(200).write('x'))
    const cut = await openRaw(port)
    cut.sendHead('GET /throws HTTP/1.1', 'Host: a')
    expect(await cut.untilClosed()).not.toContain('\r\n0\r\n')
    const well = await openRaw(port)
    well.sendHead('GET / HTTP/1.1', 'Host: a')
    await well.until('\r\nx\r\n')
  })
})
