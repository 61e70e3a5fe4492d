import { EventEmitter, once } from 'node:events'
import { createServer as createPlain, type RequestListener } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { ProxyEngine, serverOptions } from 'switchover'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Authority, type Identity } from '../support/etcd-tls.js'
import { httpGet } from '../support/http-get.js'
import { listening } from '../support/listening.js'
import { RawConnection } from '../support/raw-connection.js'

/** A server that answers at once, from the head alone. */
const ANSWERS: Readonly<Record<string, RequestListener>> = {
  401: (_req, res) => void res.writeHead(401, { 'Content-Length': 3 }).end('no\n'),
  413: (_req, res) => void res.writeHead(413, { Connection: 'close', 'Content-Length': 4 }).end('big\n'),
  // Answers before it reads, then repeats what it reads.
  200: (req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain' }).write('first;')
    req.pipe(res)
  },
}

let secure: Identity
beforeAll(async () => {
  secure = await (await Authority.create('heads')).sign()
})

async function start(listener: RequestListener, isSecure = false) {
  const server = isSecure ? createSecure({ ...secure }, listener) : createPlain(listener)
  const url = `${isSecure ? 'https' : 'http'}://127.0.0.1:${await listening(server)}`
  const engine = new ProxyEngine({ upstreamTls: { insecureSkipVerify: true }, retry: { attempts: 1 } })
  onTestFinished(() => engine.close())
  await engine.apply({
    frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
    backends: { pool: { servers: { one: { url } } } },
  })
  const port = await listening(createPlain(serverOptions(), engine.handler))
  // A connection to the server stands already, so that none is opened while the time counts.
  if (isSecure) await httpGet({ port })
  return { port }
}

const heads = new EventEmitter()

/** Resolves when a server has got the next head. */
const nextHead = () => once(heads, 'head')

const HEADS = {
  length: ['Content-Length: 11'],
  chunked: ['Transfer-Encoding: chunked'],
  'length, with Expect': ['Content-Length: 11', 'Expect: 100-continue'],
  'chunked, with Expect': ['Transfer-Encoding: chunked', 'Expect: 100-continue'],
}
const BODIES = { length: 'hello world', chunked: '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n' }

const WAYS = Object.keys(HEADS).flatMap((head) =>
  [401, 413, 200].flatMap((status) => [false, true].map((isSecure) => [head, status, isSecure] as const)),
)

describe('a client that waits after the head of a POST', () => {
  it.each(WAYS)('gets its answer: %s, %d, over TLS %s', async (head, status, isSecure) => {
    const { port } = await start(ANSWERS[status] as RequestListener, isSecure)
    const client = await RawConnection.open(port)
    const startedAt = performance.now()
    client.sendHead('POST /a HTTP/1.1', 'Host: a', ...HEADS[head as keyof typeof HEADS])
    const final = new RegExp(`HTTP/1\\.1 ${status} [\\s\\S]*${status === 200 ? 'first;' : '\\r\\n\\r\\n'}`)
    await client.until(final, 10_000)
    // The body has not been sent, so this answer did not wait for it.
    console.log(
      `${head}, ${status}, TLS ${isSecure}: answered after ${(performance.now() - startedAt).toFixed(0)} ms`,
    )
    if (status !== 200) return
    client.send(head.startsWith('length') ? BODIES.length : BODIES.chunked)
    expect((await client.until(/world/)).replaceAll(/\r\n[0-9a-f]+\r\n/g, '')).toContain('hello world')
  })

  it.each(['length', 'chunked'] as const)(
    'sends its body late, and the server gets it whole: %s',
    async (head) => {
      const bodies: string[] = []
      const { port } = await start((req, res) => {
        let body = ''
        req.on('data', (chunk) => {
          body += chunk
        })
        req.on('end', () => {
          bodies.push(`${req.headers['content-length'] ?? req.headers['transfer-encoding']} ${body}`)
          res.end('ok')
        })
        heads.emit('head', req.url)
      })
      const client = await RawConnection.open(port)
      for (let time = 0; time < 3; time += 1) {
        const seen = nextHead()
        client.sendHead('POST /late HTTP/1.1', 'Host: a', ...HEADS[head])
        // The server has the head before the client sends a byte of the body.
        expect(await seen).toEqual(['/late'])
        client.send(BODIES[head])
        await client.until(new RegExp(`(?:ok[\\s\\S]*){${time + 1}}`))
      }
      const framing = head === 'length' ? '11' : 'chunked'
      expect(bodies).toEqual(Array(3).fill(`${framing} hello world`))
    },
  )

  it('sends no body at all: the server gets an empty one', async () => {
    const got: string[] = []
    const { port } = await start((req, res) => {
      req.on('data', (chunk) => got.push(String(chunk)))
      req.on('end', () => {
        got.push('end')
        res.end('ok')
      })
      heads.emit('head')
    })
    const client = await RawConnection.open(port)
    const seen = nextHead()
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
    await seen
    client.send('0\r\n\r\n')
    await client.until('ok')
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until(/ok[\s\S]*ok/)
    expect(got).toEqual(['end', 'end'])
  })

  it.each(['length', 'chunked'] as const)('is served by a server that says 100 unasked: %s', async (head) => {
    const { port } = await start((req, res) => {
      res.socket?.write('HTTP/1.1 100 Continue\r\n\r\n')
      res.socket?.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n')
      req.pipe(res)
    })
    const client = await RawConnection.open(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', ...HEADS[head])
    await client.until('HTTP/1.1 103 ')
    client.send(BODIES[head])
    expect(await client.until(/world/)).toMatch(/^HTTP\/1\.1 103 [\s\S]*HTTP\/1\.1 200 OK/)
  })

  it('is not told of what a hook changes after it has returned', async () => {
    const got: (string | undefined)[] = []
    const server = createPlain((req, res) => {
      got.push(req.headers['x-hook'] as string | undefined)
      req.resume().on('end', () => res.end('ok'))
      heads.emit('head')
    })
    const url = `http://127.0.0.1:${await listening(server)}`
    const engine = new ProxyEngine({
      onRequest: ({ headers }) => {
        headers.set('X-Hook', 'in time')
        setImmediate(() => headers.set('X-Hook', 'late'))
      },
    })
    onTestFinished(() => engine.close())
    await engine.apply({
      frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
      backends: { pool: { servers: { one: { url } } } },
    })
    const client = await RawConnection.open(await listening(createPlain(serverOptions(), engine.handler)))
    const seen = nextHead()
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0011')
    await seen
    client.send(BODIES.length)
    await client.until('ok')
    expect(got).toEqual(['in time'])
  })

  it('leaves: the server is told, and the next client is served', async () => {
    const closed: Promise<unknown>[] = []
    const { port } = await start((req, res) => {
      if (req.method === 'GET') return void res.end('well')
      closed.push(once(res, 'close'))
      heads.emit('head')
    })
    const client = await RawConnection.open(port)
    const seen = nextHead()
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')
    await seen
    client.reset()
    await Promise.all(closed)
    expect(await httpGet({ port })).toMatchObject({ status: 200, body: 'well' })
  })
})
