import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createProxy,
  type EntryPointOptions,
  type ProxyOptions,
  type ReverseProxy,
  type SetEntryPointsOptions,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { listening } from '../support/listening.js'
import { openRaw, routeTo, startNamed, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { RawConnection } from '../support/raw-connection.js'

type Table = Readonly<Record<string, EntryPointOptions>>

const ANY = '127.0.0.1:0'
const config = { frontends: {}, backends: {} }

function proxyWith(entryPoints: Table, options: Partial<ProxyOptions> = {}): ReverseProxy {
  const proxy = createProxy({ config, ...options, entryPoints })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return proxy
}

/** A backend that says which entry point a request came in on, and one that answers when it is told to. */
async function startBackends() {
  const waiting: (() => void)[] = []
  const slow = await startServer((_req, res) => void waiting.push(() => res.end('slow')))
  const named = await startNamed('fast')
  const document = {
    frontends: {
      slow: { backend: 'slow', rule: 'Path:/slow', priority: 99 },
      fast: { backend: 'fast', rule: 'PathPrefix:/' },
      only: { backend: 'fast', rule: 'Path:/only-a', entryPoints: ['a'], priority: 99 },
    },
    backends: {
      slow: { servers: { s: { url: slow.url } } },
      fast: { servers: { s: { url: named.url } } },
    },
  }
  return { config: document, waiting }
}

const refused = (message: RegExp) => ({
  code: 'PROXY_OPTION_INVALID',
  message: expect.stringMatching(message),
})
const bodyAt = async (port: number, path = '/') => (await httpGet({ port, path })).body.trim()
const isClosed = (port: number) =>
  httpGet({ port }).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  )

describe('listen(name)', () => {
  it('listens on the address of the entry point, and its requests belong to it', async () => {
    const { config: document } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY }, b: { address: ANY } }, { config: document })
    const [a, b] = [await proxy.listen('a'), await proxy.listen('b')]
    await proxy.ready()
    expect(a.host).toBe('127.0.0.1')
    const seen: (string | undefined)[] = []
    proxy.on('requestFinished', ({ frontend }) => seen.push(frontend))
    await bodyAt(a.port, '/only-a')
    await bodyAt(b.port, '/only-a')
    await eventually(() => seen.length === 2, 'both reports')
    expect(seen).toEqual(['only@static', 'fast@static'])
  })

  it.each<[string, unknown, RegExp]>([
    [
      'a name nearly right',
      'htp',
      /^listen: there is no entry point "htp"; the nearest known one is "http"$/,
    ],
    ['another name', 'nothing', /^listen: there is no entry point "nothing"; there are "http", "bare"$/],
    [
      'one without an address',
      'bare',
      /^listen: entryPoints\.bare\.address: expected an address such as ":80"/,
    ],
    ['an empty name', '', /^listen: there is no entry point ""/],
  ])('refuses %s', async (_what, name, message) => {
    const proxy = proxyWith({ http: { address: ANY }, bare: {} })
    await expect(proxy.listen(name as string)).rejects.toMatchObject(refused(message))
  })

  it('refuses an entry point that listens already, also if both are called at once', async () => {
    const proxy = proxyWith({ a: { address: ANY } })
    const [one, two] = await Promise.allSettled([proxy.listen('a'), proxy.listen('a')])
    expect(one.status).toBe('fulfilled')
    expect(two).toMatchObject({ reason: refused(/the entry point "a" listens already, on http:/) })
  })

  it('names the port that is taken', async () => {
    const port = await listening(createServer())
    const proxy = proxyWith({ a: { address: `127.0.0.1:${port}` } })
    await expect(proxy.listen('a')).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(proxy.listen('a')).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

it('listeners that wait for their turn are not opened after a close', async () => {
  const proxy = proxyWith({})
  const opening = Array.from({ length: 200 }, () => proxy.listen({ port: 0, host: '127.0.0.1' }))
  const ends = Promise.allSettled(opening)
  await proxy.close({ drainMs: 0 })
  const rejected = (await ends).filter((end) => end.status === 'rejected')
  expect(rejected.length).toBeGreaterThan(100)
  for (const { reason } of rejected) expect(reason).toMatchObject({ code: 'PROXY_CLOSED' })
  for (const end of await ends)
    if (end.status === 'fulfilled') expect(await isClosed(end.value.port)).toBe(true)
})

describe('handlersFor(name)', () => {
  it('serves an entry point on a server of the application', async () => {
    const { config: document } = await startBackends()
    const proxy = proxyWith({ a: {}, b: {} }, { config: document })
    const { handler } = proxy.handlersFor('a')
    const port = await listening(createServer(handler))
    await proxy.ready()
    const seen: (string | undefined)[] = []
    proxy.on('requestFinished', ({ frontend }) => seen.push(frontend))
    await bodyAt(port, '/only-a')
    await eventually(() => seen.length === 1, 'the report')
    expect(seen).toEqual(['only@static'])
    expect(() => proxy.handlersFor('')).toThrow(/^handlersFor: entryPoint: expected the name/)
    expect(() => proxyWith({ https: {} }).handlersFor('htps')).toThrow(/the nearest known one is "https"/)
  })
})

describe('unlisten(name)', () => {
  it('lets requests finish, closes idle connections, and leaves the other entry points alone', async () => {
    const { config: document, waiting } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY }, b: { address: ANY } }, { config: document })
    const [a, b] = [await proxy.listen('a'), await proxy.listen('b')]
    const extra = await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint: 'a' })
    await proxy.ready()
    const idle = await openRaw(a.port)
    idle.sendHead('GET / HTTP/1.1', 'Host: a')
    await idle.until('fast')
    const silent = await openRaw(extra.port)
    const busy = await openRaw(a.port)
    busy.sendHead('GET /slow HTTP/1.1', 'Host: a')
    await eventually(() => waiting.length === 1, 'the request arrives')
    let left = false
    const leaving = proxy.unlisten('a').then(() => {
      left = true
    })
    await idle.untilClosed()
    await silent.untilClosed()
    expect([await isClosed(a.port), await isClosed(extra.port), await bodyAt(b.port)]).toEqual([
      true,
      true,
      'fast',
    ])
    expect([left, busy.closed]).toEqual([false, false])
    waiting[0]?.()
    expect(await busy.untilClosed()).toMatch(/Connection: close\r\n[\s\S]*slow/i)
    await leaving
    expect(await bodyAt(b.port)).toBe('fast')
  })

  it('serves a request that comes on an idle connection just then, and says that the connection closes', async () => {
    const { config: document } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY } }, { config: document })
    const { port } = await proxy.listen('a')
    await proxy.ready()
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('fast')
    const leaving = proxy.unlisten('a')
    await eventually(() => isClosed(port), 'the listener closes')
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    expect(await client.untilClosed()).toMatch(/fast[\s\S]*Connection: close[\s\S]*fast/i)
    await leaving
  })

  it('answers all requests that a client has sent at once', async () => {
    const { config: document, waiting } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY } }, { config: document })
    const { port } = await proxy.listen('a')
    await proxy.ready()
    const client = await openRaw(port)
    client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
    await eventually(() => waiting.length === 1, 'the first request arrives')
    const leaving = proxy.unlisten('a')
    await eventually(() => isClosed(port), 'the listener closes')
    for (let sent = 1; sent <= 3; sent += 1) {
      await eventually(() => waiting.length === sent, `request ${sent} arrives`)
      waiting[sent - 1]?.()
    }
    const received = await client.untilClosed()
    expect(received.match(/^slow|slow$/gm)).toHaveLength(3)
    expect(received.match(/connection: close/gi)).toHaveLength(1)
    await leaving
  })

  it('ends the rest after drainMs, with 503 where a response has not begun; a second call can shorten it', async () => {
    const { config: document, waiting } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY } }, { config: document })
    const { port } = await proxy.listen('a')
    await proxy.ready()
    const busy = await openRaw(port)
    busy.sendHead('GET /slow HTTP/1.1', 'Host: a')
    await eventually(() => waiting.length === 1, 'the request arrives')
    const leaving = proxy.unlisten('a', { drainMs: Number.POSITIVE_INFINITY })
    await eventually(() => isClosed(port), 'the listener closes')
    expect(busy.closed).toBe(false)
    await proxy.unlisten('a', { drainMs: 0 })
    expect(await busy.untilClosed()).toMatch(/^HTTP\/1\.1 503 /)
    await leaving
  })

  it.each<[unknown, unknown, RegExp]>([
    ['b', {}, /^unlisten: there is no entry point "b"; the nearest known one is "a"$/],
    [undefined, {}, /^unlisten: expected the name of an entry point, found nothing$/],
    ['a', { drainMs: -1 }, /^unlisten: drainMs: expected milliseconds, 0 or more, found -1$/],
    ['a', { drain: 1 }, /^unlisten: there is no option drain; the nearest known one is "drainMs"$/],
  ])('refuses %j with %j', async (name, options, message) => {
    const proxy = proxyWith({ a: { address: ANY } })
    await expect(proxy.unlisten(name as string, options as object)).rejects.toMatchObject(refused(message))
    await proxy.unlisten('a')
  })

  it('during listen waits for it, and the address is free afterwards', async () => {
    const proxy = proxyWith({ a: { address: ANY } })
    const listens = proxy.listen('a')
    const unlistens = proxy.unlisten('a')
    const { port } = await listens
    await unlistens
    expect(await isClosed(port)).toBe(true)
    await expect(proxy.listen({ port, host: '127.0.0.1', entryPoint: 'a' })).resolves.toMatchObject({ port })
  })
})

describe('setEntryPoints', () => {
  it('opens, moves and closes listeners', async () => {
    const { config: document } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY }, gone: { address: ANY } }, { config: document })
    const [a, gone] = [await proxy.listen('a'), await proxy.listen('gone')]
    await proxy.ready()
    const next = { a: { address: '127.0.0.2:0' }, added: { address: ANY } }
    const bound = await proxy.setEntryPoints(next, { listen: ['a', 'added'] })
    expect(Object.keys(bound).sort()).toEqual(['a', 'added'])
    expect(bound['a']?.host).toBe('127.0.0.2')
    expect([await isClosed(a.port), await isClosed(gone.port)]).toEqual([true, true])
    expect(await bodyAt(bound['added']?.port ?? 0)).toBe('fast')
    expect(await (await fetch(bound['a']?.url ?? '')).text()).toBe('fast')
  })

  it('makes new names known, which listen later', async () => {
    const proxy = proxyWith({})
    await expect(proxy.setEntryPoints({ late: { address: ANY } })).resolves.toEqual({})
    await expect(proxy.listen('late')).resolves.toMatchObject({ host: '127.0.0.1' })
  })

  it('lets an entry point take over the address of another, without a moment in which it is closed', async () => {
    const { config: document } = await startBackends()
    const proxy = proxyWith({ old: { address: ANY } }, { config: document })
    const bound = await proxy.listen('old')
    await proxy.ready()
    const address = `127.0.0.1:${bound.port}`
    await proxy.setEntryPoints({ old: { address } })
    const seen: string[] = []
    proxy.on('requestFinished', ({ frontend = '' }) => seen.push(frontend))
    const client = await openRaw(bound.port)
    client.sendHead('GET /only-a HTTP/1.1', 'Host: a')
    await client.until('fast')
    const renamed = await proxy.setEntryPoints({ a: { address } }, { listen: ['a'] })
    expect(renamed['a']?.port).toBe(bound.port)
    client.sendHead('GET /only-a HTTP/1.1', 'Host: a')
    await eventually(() => seen.length === 2, 'both requests')
    expect(seen).toEqual(['fast@static', 'only@static'])
    expect(client.closed).toBe(false)
  })

  it('changes nothing at all if one address cannot be bound, and says which', async () => {
    const { config: document } = await startBackends()
    const taken = await listening(createServer())
    const proxy = proxyWith({ a: { address: ANY, trustedProxies: ['127.0.0.1'] } }, { config: document })
    const a = await proxy.listen('a')
    await proxy.ready()
    const address = `127.0.0.1:${taken}`
    const folder = mkdtempSync(join(tmpdir(), 'entry-points-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const fresh = join(folder, 'b.sock')
    const next = { a: { address: '127.0.0.2:0' }, b: { address: `unix:${fresh}` }, c: { address } }
    const change = proxy.setEntryPoints(next, { listen: ['b', 'a', 'c'] })
    await expect(change).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringMatching(
        `^entryPoints\\.c\\.address: cannot listen on "${address}": listen EADDRINUSE`,
      ),
    })
    expect(await bodyAt(a.port)).toBe('fast')
    await expect(RawConnection.open(0, { path: fresh })).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(proxy.listen('b')).rejects.toMatchObject(
      refused(/there is no entry point "b"; the nearest known one is "a"$/),
    )
    const spoken = await new Promise<string>((resolve) => {
      proxy.once('requestFinished', ({ clientAddress }) => resolve(clientAddress))
      void httpGet({ port: a.port, headers: { 'x-forwarded-for': '192.0.2.7' } })
    })
    expect(spoken).toBe('192.0.2.7')
  })

  it('says that the proxy itself holds the port', async () => {
    const proxy = proxyWith({ a: { address: ANY } })
    const { port } = await proxy.listen('a')
    const address = `127.0.0.1:${port}`
    await proxy.setEntryPoints({ a: { address } })
    await expect(proxy.setEntryPoints({ a: { address: `:${port}` } })).rejects.toThrow(
      /EADDRINUSE.*; the entry point "a" of this proxy holds that port$/,
    )
    expect(await bodyAt(port)).toContain('404')
  })

  it('applies trust and limits to new requests and connections at once', async () => {
    const { config: document } = await startBackends()
    const proxy = proxyWith({ a: { address: ANY } }, { config: document })
    const { port } = await proxy.listen('a')
    await proxy.ready()
    const addressOf = () =>
      new Promise<string>((resolve) => {
        proxy.once('requestFinished', ({ clientAddress }) => resolve(clientAddress))
        void httpGet({ port, headers: { 'x-forwarded-for': '192.0.2.7' } })
      })
    const long = { port, headers: { 'x-long': 'x'.repeat(3_000) } }
    expect([await addressOf(), (await httpGet(long)).status]).toEqual(['127.0.0.1', 200])
    const limits = { headBytes: 2_000, connectionsPerAddress: 1 }
    await proxy.setEntryPoints({ a: { address: ANY, trustedProxies: ['127.0.0.1'], limits } })
    expect([await addressOf(), (await httpGet(long)).status]).toEqual(['192.0.2.7', 431])
    await eventually(
      () =>
        httpGet({ port }).then(
          () => true,
          () => false,
        ),
      'the connections before are closed',
    )
    const first = await openRaw(port)
    first.sendHead('GET / HTTP/1.1', 'Host: a')
    await first.until('fast')
    expect(await (await openRaw(port)).untilClosed()).toBe('')
    expect(first.closed).toBe(false)
  })

  it.each<[unknown, SetEntryPointsOptions, RegExp]>([
    [
      { b: {} },
      { listen: ['c'] },
      /^setEntryPoints: listen: there is no entry point "c"; the nearest known one is "b"$/,
    ],
    [{ b: {} }, { listen: ['b'] }, /^setEntryPoints: listen: entryPoints\.b\.address: expected an address/],
    [
      { a: {} },
      {},
      /^setEntryPoints: entryPoints\.a\.address: expected an address .* to listen on, found none$/,
    ],
    [null, {}, /^entryPoints: expected an object of entry points, found null$/],
    [
      { b: { adress: ':1' } },
      {},
      /^there is no option entryPoints\.b\.adress; the nearest known one is "address"$/,
    ],
    [{ b: { tls: {} } }, {}, /^there is no option entryPoints\.b\.tls/],
    [
      { b: {} },
      { listen: 'b' as never },
      /^setEntryPoints: listen: expected a list of names .*, found string "b"$/,
    ],
    [
      { b: {} },
      { drainMs: Number.NaN },
      /^setEntryPoints: drainMs: expected milliseconds, 0 or more, found NaN$/,
    ],
  ])('refuses %j with %j, and changes nothing', async (table, options, message) => {
    const proxy = proxyWith({ a: { address: ANY } })
    const { port } = await proxy.listen('a')
    await expect(proxy.setEntryPoints(table as Table, options)).rejects.toMatchObject(refused(message))
    expect(await isClosed(port)).toBe(false)
    await expect(proxy.listen('b')).rejects.toMatchObject(refused(/there is no entry point "b"/))
  })

  it('called twice at once ends with the second table', async () => {
    const proxy = proxyWith({ a: { address: ANY } })
    const first = await proxy.listen('a')
    const [one, two] = await Promise.all([
      proxy.setEntryPoints({ a: { address: '127.0.0.2:0' }, b: { address: ANY } }, { listen: ['a', 'b'] }),
      proxy.setEntryPoints({ a: { address: '127.0.0.3:0' } }),
    ])
    expect([one['a']?.host, one['b']?.host, two['a']?.host, two['b']]).toEqual([
      '127.0.0.2',
      '127.0.0.1',
      '127.0.0.3',
      undefined,
    ])
    expect([await isClosed(first.port), await isClosed(one['b']?.port ?? 0)]).toEqual([true, true])
  })

  it('does not see what the caller changes in the table meanwhile', async () => {
    const proxy = proxyWith({})
    const table = { a: { address: ANY, trustedProxies: ['10.0.0.1'] } }
    const change = proxy.setEntryPoints(table, { listen: ['a'] })
    table.a.address = 'nonsense'
    table.a.trustedProxies.push('nonsense')
    expect((await change)['a']?.host).toBe('127.0.0.1')
  })

  it('during a close rejects, and leaves no listener behind', async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      const proxy = proxyWith({ a: { address: ANY } })
      const { port } = await proxy.listen('a')
      const change = proxy.setEntryPoints(
        { a: { address: '127.0.0.2:0' }, b: { address: ANY } },
        { listen: ['a', 'b'] },
      )
      for (let tick = 0; tick < turn; tick += 1) await Promise.resolve()
      const [changed] = await Promise.allSettled([change, proxy.close()])
      if (changed.status === 'rejected') expect(changed.reason).toMatchObject({ code: 'PROXY_CLOSED' })
      expect(await isClosed(port)).toBe(true)
      for (const { url } of changed.status === 'fulfilled' ? Object.values(changed.value) : [])
        await expect(fetch(url)).rejects.toThrow('fetch failed')
    }
    const closed = proxyWith({ a: { address: ANY } })
    await closed.close()
    await expect(closed.setEntryPoints({})).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
    await expect(closed.listen('a')).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })
})

describe('limits of an entry point', () => {
  it('hold there, and not elsewhere', async () => {
    const proxy = proxyWith(
      {
        small: { address: ANY, limits: { headBytes: 2_000, connectionsPerAddress: 2 } },
        large: { address: ANY, limits: { headBytes: undefined as never } },
      },
      { config: routeTo(await startNamed('ok')), limits: { headBytes: 8_000 } },
    )
    const [small, large] = [await proxy.listen('small'), await proxy.listen('large')]
    await proxy.ready()
    const statusOf = async (port: number, bytes: number) =>
      (await httpGet({ port, headers: { 'x-long': 'x'.repeat(bytes) } })).status
    expect([await statusOf(small.port, 3_000), await statusOf(large.port, 3_000)]).toEqual([431, 200])
    expect(await statusOf(large.port, 9_000)).toBe(431)
    const open = async (port: number) => {
      const clients = [await openRaw(port), await openRaw(port), await openRaw(port)]
      for (const client of clients) if (!client.closed) client.sendHead('GET / HTTP/1.1', 'Host: a')
      await eventually(
        () => clients.every(({ closed, received }) => closed || received.includes('ok')),
        'all end',
      )
      return clients.map(({ closed }) => closed)
    }
    expect((await open(small.port)).filter(Boolean)).toHaveLength(1)
    expect((await open(large.port)).filter(Boolean)).toHaveLength(0)
  })

  it('of the number of connections hold on a server that is attached', async () => {
    const proxy = proxyWith({ a: { limits: { connectionsPerAddress: 1 } } })
    const server = createServer()
    proxy.attach(server, { entryPoint: 'a' })
    const port = await listening(server)
    const first = await openRaw(port)
    await (await openRaw(port)).untilClosed()
    await proxy.setEntryPoints({ a: { limits: { connectionsPerAddress: 2 } } })
    const second = await openRaw(port)
    second.sendHead('GET / HTTP/1.1', 'Host: a')
    await second.until('404')
    expect(first.closed).toBe(false)
  })

  it.each<[object, RegExp]>([
    [
      { bodyBytes: 1 },
      /^entryPoints\.a\.limits\.bodyBytes: an entry point has only headBytes and connectionsPerAddress of its own; set limits\.bodyBytes for the whole proxy$/,
    ],
    [
      { headBites: 1 },
      /^there is no option entryPoints\.a\.limits\.headBites; the nearest known one is "headBytes"$/,
    ],
    [{ headBytes: 0 }, /^entryPoints\.a\.limits\.headBytes: expected a number above 0, found 0$/],
    [
      { connectionsPerAddress: 1.5 },
      /^entryPoints\.a\.limits\.connectionsPerAddress: expected a whole number/,
    ],
  ])('are refused: %j', (limits, message) => {
    expect(() => createProxy({ config, entryPoints: { a: { limits } } })).toThrow(message)
  })
})

it('options of an entry point that are no options at all are refused, whatever they are', () => {
  const odd: unknown[] = [
    null,
    [],
    'x',
    1,
    true,
    () => {},
    new Map(),
    { address: 1 },
    { address: 'unix:' },
    { mode: 1 },
  ]
  odd.push(
    { address: ':80', mode: 0o600 },
    { address: `unix:/${'x'.repeat(200)}` },
    { address: 'unix:/a\0b' },
  )
  odd.push({ limits: [] }, { limits: null }, { status: 'ping' }, { status: [1] }, { trustedProxies: 'x' })
  for (const a of odd.filter((one) => !(one instanceof Map)))
    expect(() => createProxy({ config, entryPoints: { a } } as unknown as ProxyOptions)).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining('entryPoints.a'),
      }),
    )
})

it('the file of a Unix socket of an entry point is no file of another kind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'entry-points-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'a')
  writeFileSync(path, 'precious')
  await expect(proxyWith({ a: { address: `unix:${path}` } }).listen('a')).rejects.toThrow(
    'a file that is no socket',
  )
})
