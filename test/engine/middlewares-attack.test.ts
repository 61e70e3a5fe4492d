import { createReadStream } from 'node:fs'
import { type Duplex, PassThrough, Readable, Transform } from 'node:stream'
import type { EngineOptions, Middleware, MiddlewareKind, ProviderConfig, RequestFinished } from 'switchover'
import { validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  recordFinished,
  startMisbehaving,
  startNamed,
  startOpenEngine,
  startServer,
} from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

type Rows = Readonly<Record<string, Omit<Middleware, 'name'>>>

const kindsOf = (rows: Rows): MiddlewareKind[] =>
  Object.entries(rows).map(([field, row]) => ({
    field,
    schema: { meaning: 'Asks for the row.', expected: 'true', is: (value) => value === true },
    compile: () => ({ name: field, ...row }),
  }))

/** Backends: `app` with the servers that are given, `pages` with one, `empty` without any. */
async function start(rows: Rows, servers: readonly string[], options: EngineOptions = {}, app: object = {}) {
  const pages = await startServer((req, res) => {
    if (req.headers['if-none-match'] || req.headers.range) return res.writeHead(304).end()
    return res.end(`page ${req.method} ${req.url} ${req.headers['x-set'] ?? ''}`)
  })
  const asked = Object.fromEntries(Object.keys(rows).map((field) => [field, true]))
  const listed = servers.map((url, at) => [`s${at + 1}`, { url }])
  const config = {
    frontends: { all: { backend: 'app', rule: 'PathPrefix:/', ...asked } },
    backends: {
      app: { servers: Object.fromEntries(listed), ...app },
      pages: { servers: { one: { url: pages.url } } },
      empty: { servers: {} },
    },
  } as ProviderConfig
  const live = await startOpenEngine(config, { ...options, middlewares: kindsOf(rows) })
  const finished = recordFinished(live.engine)
  return { ...live, finished, config }
}

/** Nothing is left of any request: no exchange, no request at a server, and one event for each. */
async function isClean(
  { engine, finished }: { engine: Awaited<ReturnType<typeof start>>['engine']; finished: RequestFinished[] },
  requests: number,
): Promise<void> {
  await eventually(() => engine.inFlight.size === 0, 'no request is in flight')
  await eventually(() => finished.length === requests, 'one event for each request')
  const servers = [...(engine.snapshot?.backends.values() ?? [])].flatMap((backend) => backend.servers)
  await eventually(() => servers.every(({ state }) => state.inFlight === 0), 'no server counts a request')
}

/** The URL of a server that is gone. */
async function closedUrl(): Promise<string> {
  const { url, server } = await startNamed('dead')
  await new Promise((resolve) => server.close(resolve))
  return url
}

const HOOK_FAILED = { status: 500, body: expect.stringContaining('PROXY_HOOK_FAILED') }
const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value))

describe('a middleware whose answer cannot be sent', () => {
  const answers: [string, unknown, object][] = [
    ['a backend that is not there', { backend: 'nowhere', target: '/', keepStatus: false }, HOOK_FAILED],
    ['a backend without servers', { backend: 'empty', target: '/', keepStatus: false }, { status: 503 }],
    ['a header that HTTP does not allow', { status: 200, headers: { 'X-A': 'b\r\nX-C: d' } }, HOOK_FAILED],
    ['null', null, HOOK_FAILED],
    ['a number', 7, HOOK_FAILED],
    ['a status that is none', { status: Number.NaN }, HOOK_FAILED],
    ['a body that is a number', { status: 200, body: 5 }, HOOK_FAILED],
    [
      'an object whose fields throw',
      new Proxy(
        {},
        {
          get: (_target, name) => {
            if (name === 'then') return undefined
            throw new Error('no')
          },
        },
      ),
      HOOK_FAILED,
    ],
  ]
  it.each(answers)('for a response makes it 500, at once and later: %s', async (_what, outcome, expected) => {
    const server = await startNamed('served')
    for (const give of [() => outcome, () => later(outcome)]) {
      const live = await start({ row: { onResponse: give as never } }, [server.url])
      expect(await httpGet({ port: live.port })).toMatchObject(expected)
      await isClean(live, 1)
      // The same for a response of the proxy itself.
      const own = await start({ row: { onResponse: give as never } }, [])
      expect(await httpGet({ port: own.port })).toMatchObject(expected)
      await isClean(own, 1)
    }
  })

  it.each(answers.filter(([what]) => !what.startsWith('a backend')))(
    'for a request makes it 500, at once and later: %s',
    async (_what, verdict, expected) => {
      for (const give of [() => verdict, () => later(verdict)]) {
        const live = await start({ row: { onRequest: give as never } }, [])
        expect(await httpGet({ port: live.port })).toMatchObject(expected)
        await isClean(live, 1)
      }
    },
  )

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['gives a promise', () => Promise.reject(new Error('no'))],
    ['gives a text', () => 'text'],
    ['gives a stream that is not writable', () => new Readable({ read() {} })],
  ])('from transformBody makes it 500, at once and behind a wait: %s', async (_what, transformBody) => {
    const server = await startNamed('served')
    for (const onResponse of [() => undefined, () => later(undefined)]) {
      const live = await start({ row: { onResponse, transformBody: transformBody as never } }, [server.url])
      expect(await httpGet({ port: live.port })).toMatchObject(HOOK_FAILED)
      await isClean(live, 1)
    }
  })
})

describe('a request that takes too long', () => {
  const timeouts = { responseHeadMs: 150 }

  it('in onRequest is answered with 504, and only what has seen it sees that', async () => {
    const seen: string[] = []
    const rows = {
      outer: { onRequest: () => undefined, onResponse: () => void seen.push('outer') },
      stuck: { onRequest: () => new Promise<undefined>(() => {}), onResponse: () => void seen.push('stuck') },
      inner: { onResponse: () => void seen.push('inner') },
    }
    const live = await start(rows, [], { timeouts })
    expect((await httpGet({ port: live.port })).status).toBe(504)
    expect(seen).toEqual(['outer'])
    await isClean(live, 1)
  })

  it('at its server gets the page that a middleware waits for, and not what the server says too late', async () => {
    let answer: (() => void) | undefined
    const slow = await startServer((_req, res) => {
      answer = () => res.end('LATE')
    })
    const onResponse: Middleware['onResponse'] = async ({ status }) => {
      answer?.()
      await later(undefined)
      return status === 504 ? { backend: 'pages', target: '/504', keepStatus: true } : undefined
    }
    const live = await start({ row: { onResponse } }, [slow.url], { timeouts, retry: { attempts: 1 } })
    expect(await httpGet({ port: live.port })).toMatchObject({ status: 504, body: 'page GET /504 ' })
    await isClean(live, 1)
  })

  it('in onResponse is answered with 504 once, also if that is never answered either', async () => {
    const server = await startNamed('served')
    const live = await start({ row: { onResponse: () => new Promise<undefined>(() => {}) } }, [server.url], {
      timeouts,
    })
    expect((await httpGet({ port: live.port })).status).toBe(504)
    await isClean(live, 1)
  })
})

describe('a request that is retried', () => {
  it('is shown to the middlewares each time, with the server that has answered', async () => {
    let first = true
    const resetting = await startMisbehaving((socket) => {
      if (!first) return void socket.end('HTTP/1.1 200 OK\r\nX-Secret: 2\r\nContent-Length: 2\r\n\r\nok')
      first = false
      // A head that is held back, because its body is broken in the same read.
      return void socket.end('HTTP/1.1 200 OK\r\nX-Secret: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
    })
    const servers: (string | undefined)[] = []
    const onResponse: Middleware['onResponse'] = ({ headers, request }) => {
      servers.push(request.server?.name)
      headers.delete('X-Secret')
    }
    const live = await start({ row: { onResponse } }, [resetting.url])
    const { headers } = await httpGet({ port: live.port })
    expect(headers).not.toHaveProperty('x-secret')
    expect(servers.at(-1)).toBe('s1')
    await isClean(live, 1)
  })

  it('tells onServer once, and onResponse of the server that answers', async () => {
    const url = await closedUrl()
    const server = await startNamed('served')
    const told: (string | undefined)[] = []
    const rows = {
      row: {
        onServer: ({ server: chosen }: { server?: { name: string } | undefined }) =>
          void told.push(chosen?.name),
        onResponse: ({ request }: { request: { server?: { name: string } | undefined } }) =>
          void told.push(`answered by ${request.server?.name}`),
      },
    }
    const live = await start(rows as Rows, [url, server.url])
    for (let turn = 0; turn < 2; turn += 1) expect((await httpGet({ port: live.port })).body).toBe('served')
    expect(told.filter((name) => name?.startsWith('answered'))).toEqual(['answered by s2', 'answered by s2'])
    expect(told.filter((name) => !name?.startsWith('answered')).length).toBe(2)
    await isClean(live, 2)
  })
})

describe('another backend', () => {
  const page = { backend: 'pages', target: '/page', keepStatus: false }

  it('is asked by GET without a body and without conditions, with what middlewares have written', async () => {
    const rows: Rows = {
      row: {
        onRequest: ({ headers }) => void headers.set('X-Set', 'before'),
        onServer: ({ headers }) => void headers.append('X-Set', 'at the server'),
        onResponse: () => page,
      },
    }
    const server = await startNamed('served')
    const live = await start(rows, [server.url])
    const client = await openRaw(live.port)
    client.sendHead(
      'POST / HTTP/1.1',
      'Host: a',
      'Content-Length: 4',
      'If-None-Match: "x"',
      'Range: bytes=0-1',
    )
    client.send('body')
    await client.until('page GET /page')
    expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*page GET \/page before, at the server$/)
    await isClean(live, 1)
  })

  it('frees the place of the first backend once, and only its own in the end', async () => {
    const server = await startNamed('served')
    const maxConn = { amount: 1, extractorFunc: 'request.host' }
    const live = await start({ row: { onResponse: () => page } }, [server.url], {}, { maxConn })
    for (let turn = 0; turn < 5; turn += 1) {
      const all = await Promise.all([1, 2].map(() => httpGet({ port: live.port })))
      expect(
        all.map(({ status }) => status).filter((status) => status === 200).length,
      ).toBeGreaterThanOrEqual(1)
    }
    expect((await httpGet({ port: live.port })).body).toContain('page')
    await isClean(live, 11)
  })

  it('keeps the connection to the first server, if what it had sent is small', async () => {
    const server = await startNamed('served')
    const live = await start({ row: { onResponse: () => page } }, [server.url])
    for (let turn = 0; turn < 5; turn += 1)
      expect((await httpGet({ port: live.port })).body).toContain('page')
    expect(server.connections).toBe(1)
    await isClean(live, 5)
  })
})

describe('the body of a response of a middleware', () => {
  it.each<[string, () => Readable]>([
    [
      'that fails',
      () =>
        Readable.from(
          (async function* () {
            yield 'half'
            throw new Error('no')
          })(),
        ),
    ],
    ['that has chunks which are no bytes', () => Readable.from(['half', 1])],
    [
      'that is destroyed without an error',
      () => {
        const stream = new PassThrough()
        stream.write('half')
        setImmediate(() => stream.destroy())
        return stream
      },
    ],
  ])('%s breaks the response off, and is no fault of the client', async (_what, body) => {
    const live = await start({ row: { onRequest: () => ({ status: 200, body: body() }) } }, [])
    await expect(httpGet({ port: live.port })).rejects.toThrow()
    await eventually(() => live.engine.inFlight.size === 0, 'no request is in flight')
  })

  it('is destroyed if its client leaves, or if it is never sent', async () => {
    const streams: Readable[] = []
    const file = () => {
      const stream = createReadStream('/dev/zero')
      streams.push(stream)
      return { status: 200, body: stream }
    }
    const endless = await start({ row: { onRequest: file } }, [])
    const client = await openRaw(endless.port)
    client.socket.removeAllListeners('data').pause()
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => streams.length === 1, 'the response begins')
    client.socket.destroy()
    const replaced = await start(
      { outer: { onResponse: () => ({ status: 404 }) }, inner: { onRequest: file } },
      [],
    )
    expect((await httpGet({ port: replaced.port })).status).toBe(404)
    await eventually(() => streams.every(({ destroyed }) => destroyed), 'all streams are destroyed')
    expect(streams.length).toBe(2)
  })

  it('is left out where HTTP has none', async () => {
    for (const status of [204, 205, 304]) {
      const live = await start({ row: { onRequest: () => ({ status, body: 'text' }) } }, [])
      const client = await openRaw(live.port)
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: close')
      const text = await client.untilClosed()
      expect(text.match(new RegExp(`HTTP/1.1 ${status}`, 'g'))).toHaveLength(2)
      expect(text).not.toContain('text')
      await isClean(live, 2)
    }
  })
})

describe('a body that flows through streams', () => {
  const through = (make: () => Duplex): Rows => ({ row: { transformBody: make } })

  it('is held back by a slow client, and does not grow', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let sent = 0
    const server = await startServer((_req, res) => {
      const write = () => {
        while (sent < 200 * 1024 * 1024) {
          sent += chunk.length
          if (!res.write(chunk)) return void res.once('drain', write)
        }
        res.end()
      }
      write()
    })
    const live = await start(
      through(() => new PassThrough()),
      [server.url],
    )
    const client = await openRaw(live.port)
    client.socket.removeAllListeners('data').pause()
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => sent > 0, 'the response begins')
    let last = -1
    await eventually(() => {
      const isQuiet = last === sent
      last = sent
      return isQuiet
    }, 'the server stops')
    expect(sent).toBeLessThan(100 * 1024 * 1024)
    client.socket.destroy()
    await isClean(live, 1)
  })

  it('that fail in the middle break the response off, and the next one is whole', async () => {
    let fails = true
    const server = await startNamed('served'.repeat(10_000))
    const live = await start(
      through(
        () =>
          new Transform({
            transform: (chunk, _encoding, done) => (fails ? done(new Error('no')) : done(null, chunk)),
          }),
      ),
      [server.url],
    )
    const failed = await httpGet({ port: live.port }).catch(() => ({ status: 0 }))
    expect([0, 500, 502]).toContain(failed.status)
    fails = false
    expect((await httpGet({ port: live.port })).body.length).toBe(60_000)
    await isClean(live, 2)
  })

  it('need not have all of it: the server then sends nothing further', async () => {
    let open = 0
    const server = await startServer((_req, res) => {
      open += 1
      res.on('close', () => {
        open -= 1
      })
      const timer = setInterval(() => res.write('x'.repeat(1_000)), 5)
      res.on('close', () => clearInterval(timer))
    })
    const early = () =>
      new Transform({
        transform(_chunk, _encoding, done) {
          this.push('all')
          this.push(null)
          done()
        },
      })
    const live = await start(through(early), [server.url])
    expect((await httpGet({ port: live.port })).body).toBe('all')
    await isClean(live, 1)
    await eventually(() => open === 0, 'the server has stopped')
  })

  it('end with the request: destroyed without an error, by a client that leaves, and at the end', async () => {
    const server = await startServer((_req, res) => {
      res.write('begun')
    })
    const streams: Transform[] = []
    const stuck = () => {
      const stream = new Transform({ transform: () => {} })
      streams.push(stream)
      return stream
    }
    const live = await start(through(stuck), [server.url])
    const leaving = await openRaw(live.port)
    leaving.sendHead('GET / HTTP/1.1', 'Host: a')
    await eventually(() => streams.length === 1, 'the body begins')
    leaving.socket.destroy()
    await eventually(() => streams[0]?.destroyed === true, 'the stream is destroyed')
    const asked = httpGet({ port: live.port }).catch(() => ({ status: 0 }))
    await eventually(() => streams.length === 2, 'the body begins')
    streams[1]?.destroy()
    expect([0, 500]).toContain((await asked).status)
    await isClean(live, 2)
  })

  it('that fail are no fault of the server, and no reason to ask another one', async () => {
    const servers = await Promise.all([startNamed('one'), startNamed('two')])
    const refused = () =>
      new Transform({
        transform: (_chunk, _encoding, done) =>
          done(Object.assign(new Error('the scanner is down'), { code: 'ECONNREFUSED' })),
      })
    const live = await start(
      through(refused),
      servers.map(({ url }) => url),
    )
    for (let turn = 0; turn < 2; turn += 1) {
      const { status } = await httpGet({ port: live.port }).catch(() => ({ status: 0 }))
      expect([0, 500]).toContain(status)
    }
    expect(servers.map(({ connections }) => connections)).toEqual([1, 1])
    const [app] = live.engine.snapshot?.backends.values() ?? []
    expect(app?.servers.map(({ isAvailable }) => isAvailable)).toEqual([true, true])
    await isClean(live, 2)
  })
})

describe('what is no promise of ours', () => {
  it('is awaited as one: what a foreign then returns is not taken for "go on"', async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const foreign = (value: unknown) => ({ then: (give: (value: unknown) => void) => void give(value) })
    const server = await startNamed('served')
    const denied = await start({ row: { onRequest: () => foreign({ status: 403 }) as never } }, [server.url])
    expect((await httpGet({ port: denied.port })).status).toBe(403)
    const replaced = await start({ row: { onResponse: () => foreign({ status: 404 }) as never } }, [
      server.url,
    ])
    expect((await httpGet({ port: replaced.port })).status).toBe(404)
  })
})

describe('the page of another backend', () => {
  it('that cannot be had leaves the client with the error that it was to stand for', async () => {
    const onResponse: Middleware['onResponse'] = ({ error }) =>
      error && { backend: 'empty', target: '/', keepStatus: true }
    const dead = await closedUrl()
    const live = await start({ row: { onResponse } }, [dead], { retry: { attempts: 1 } })
    expect(await httpGet({ port: live.port })).toMatchObject({
      status: 502,
      body: expect.stringContaining('PROXY_CONNECT_FAILED'),
    })
    await isClean(live, 1)
  })

  it('is asked again elsewhere after a POST, because it is a GET', async () => {
    const server = await startNamed('served')
    const rows: Rows = { row: { onResponse: () => ({ backend: 'pages', target: '/', keepStatus: false }) } }
    const live = await start(rows, [server.url])
    const dead = await closedUrl()
    const pages = await startNamed('a page')
    const backends = {
      ...live.config.backends,
      pages: { servers: { a: { url: dead }, b: { url: pages.url } } },
    }
    await live.engine.apply({ ...live.config, backends })
    for (let turn = 0; turn < 2; turn += 1) {
      const client = await openRaw(live.port)
      client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
      client.send('4\r\nbody\r\n0\r\n\r\n')
      await client.until('a page')
    }
    await isClean(live, 2)
  })
})

describe('the end of the proxy', () => {
  it('does not wait for a middleware that never answers', async () => {
    const live = await start({ row: { onRequest: () => new Promise<undefined>(() => {}) } }, [])
    const asked = httpGet({ port: live.port })
    await eventually(() => live.engine.inFlight.size === 1, 'the request waits')
    const closed = live.engine.close({ drainMs: 0 })
    expect((await asked).status).toBe(503)
    await closed
  })
})

describe('kinds of the application', () => {
  const compiled = (compile: () => unknown, field = 'own') => {
    const kind = { field, schema: { meaning: '', expected: '', is: () => true }, compile }
    const document = {
      frontends: { all: { backend: 'app', rule: 'PathPrefix:/', own: true } },
      backends: { app: { servers: {} } },
    } as never as ProviderConfig
    return startOpenEngine(document, { middlewares: [kind as unknown as MiddlewareKind] })
  }

  it.each<[string, () => unknown]>([
    ['a promise', async () => ({ name: 'own' })],
    ['a promise that rejects', () => Promise.reject(new Error('no'))],
    ['nothing', () => undefined],
    ['a function', () => () => undefined],
    ['no name', () => ({ onRequest: () => undefined })],
    ['a text in the place of a function', () => ({ name: 'own', onRequest: 'deny' })],
    [
      'an error',
      () => {
        throw new Error('no')
      },
    ],
  ])('whose compile gives %s refuse the document', async (_what, compile) => {
    await expect(compiled(compile)).rejects.toMatchObject({
      code: 'PROXY_CONFIG_INVALID',
      issues: [{ path: 'frontends["all@static"]', code: 'MIDDLEWARE_FAILED' }],
    })
  })

  it.each([
    'constructor',
    'toString',
    'hasOwnProperty',
    '__proto__',
    'rule',
    'WhiteList',
    'auth',
    'hooks',
    '',
  ])('cannot be named %j', async (field) => {
    await expect(compiled(() => ({ name: 'own' }), field)).rejects.toMatchObject({
      code: 'PROXY_OPTION_INVALID',
    })
  })

  it('show no secret in a message, and judge nothing right by throwing', () => {
    const is = (value: unknown) => {
      if (value === 'throw') throw new Error('no')
      return false
    }
    const schema = { meaning: 'A key.', expected: 'a key', is, isSecret: true as const }
    const middlewares = [{ field: 'key', schema, compile: () => ({ name: 'key' }) }]
    for (const key of ['s3cret', 'throw', 123_456]) {
      const frontends = { all: { backend: 'app', rule: 'PathPrefix:/', key } }
      const checked = validateConfig({ frontends, backends: { app: { servers: {} } } }, { middlewares })
      expect(checked).toMatchObject({ ok: false, issues: [{ path: 'frontends.all.key' }] })
      expect(JSON.stringify(checked)).not.toContain(String(key))
    }
  })

  it('take over the state of their own field, whatever name they have', async () => {
    const befores: (Middleware | undefined)[] = []
    const kind: MiddlewareKind<number> = {
      field: 'counted',
      schema: { meaning: 'Counts.', expected: 'a number', is: (value) => typeof value === 'number' },
      compile: (_config, _tools, before) => {
        befores.push(before)
        return { name: 'counted.by.host' }
      },
    }
    const documentOf = (counted: number) =>
      ({
        frontends: { all: { backend: 'app', rule: 'PathPrefix:/', counted } },
        backends: { app: { servers: {} } },
      }) as never as ProviderConfig
    const { engine } = await startOpenEngine(documentOf(1), { middlewares: [kind as MiddlewareKind] })
    await engine.apply(documentOf(2))
    expect(befores).toEqual([undefined, { name: 'counted.by.host' }])
  })
})
