import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createPlain, type RequestListener, type Server } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { createProxy, type ProxyOptions, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../support/etcd-tls.js'
import { openRaw, routeTo, startMisbehaving } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const DOORS = ['listen', 'attach', 'handler', 'attach over TLS', 'handler over TLS'] as const
type Door = (typeof DOORS)[number]

const HEAD = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`

/** How a response begins, and what ends it once the client has read that. */
type Ending = readonly [begin: string, end: (server: Socket, proxy: ReverseProxy) => void]
const CAUSES: Readonly<Record<string, Ending>> = {
  'a server that ends within its chunks': [CHUNKED, (server) => void server.end()],
  'a server that resets': [CHUNKED, (server) => void server.resetAndDestroy()],
  'a server that resets where only its end ends the response': [
    `${HEAD}Connection: close\r\n\r\nhello`,
    (server) => void server.resetAndDestroy(),
  ],
  'a server that ends before its Content-Length': [
    `${HEAD}Content-Length: 10\r\n\r\nhello`,
    (server) => void server.end(),
  ],
  'a broken chunk': [CHUNKED, (server) => void server.write('zz\r\n')],
  'a proxy that closes': [CHUNKED, (_, proxy) => void proxy.close({ drainMs: 0 })],
}

describe.each(DOORS)('to a client of HTTP/1.0, through %s,', (door) => {
  it.each(Object.keys(CAUSES))('%s is a reset, not an end that looks whole', async (cause) => {
    const [begin, end] = CAUSES[cause] as Ending
    const client = await ask(door, begin, end)
    await eventually(() => client.closed, 'the connection is gone', 20_000)
    expect(client).toMatchObject({ ended: false, error: 'ECONNRESET' })
    expect(client.received).toMatch(/\r\n\r\nhello$/)
  })

  it('what comes in one piece with its end is a reset behind all of it', async () => {
    const client = await ask(door, `${CHUNKED}zz\r\n`, () => {})
    await eventually(() => client.closed, 'the connection is gone', 20_000)
    expect(client).toMatchObject({ ended: false, error: 'ECONNRESET' })
    expect(client.received).toMatch(/\r\n\r\nhello$/)
  })

  it('a whole response is an end, not a reset', async () => {
    const client = await ask(door, CHUNKED, (server) => void server.write('0\r\n\r\n'))
    await eventually(() => client.closed, 'the connection is gone')
    expect(client).toMatchObject({ ended: true, error: undefined })
  })
})

describe.each(['listen', 'attach over TLS'] as const)('to a client of HTTP/1.0, through %s,', (door) => {
  it.each(['requestMs', 'bodyIdleMs'])('a response that timeouts.%s ends is a reset', async (limit) => {
    const client = await ask(door, CHUNKED, () => {}, { options: { timeouts: { [limit]: 1_000 } } })
    await eventually(() => client.closed, 'the connection is gone', 20_000)
    expect(client).toMatchObject({ ended: false, error: 'ECONNRESET' })
  })
})

describe('to a client of HTTP/1.1', () => {
  // A host that takes the chunks away leaves nothing but the end of the connection to tell where the body ends.
  const bare =
    (proxy: ReverseProxy): RequestListener =>
    (req, res) => {
      res.removeHeader('Transfer-Encoding')
      proxy.handler(req, res)
    }

  it.each(['handler', 'handler over TLS'] as const)(
    'a response without length and chunks is a reset: %s',
    async (door) => {
      const client = await ask(door, CHUNKED, (server) => void server.end(), { version: '1.1', wrap: bare })
      await eventually(() => client.closed, 'the connection is gone')
      expect(client).toMatchObject({ ended: false, error: 'ECONNRESET' })
      expect(client.received).toMatch(/\r\n\r\nhello$/)
    },
  )

  it('chunks and lengths say themselves that they are not whole: all that came arrives', async () => {
    for (const begin of [CHUNKED, `${HEAD}Content-Length: 10\r\n\r\nhello`]) {
      const client = await ask('listen', begin, (server) => void server.end(), { version: '1.1' })
      await eventually(() => client.closed, 'the connection is gone')
      expect(client).toMatchObject({ ended: true, error: undefined })
      expect(client.received).not.toContain('\r\n0\r\n')
    }
  })
})

it('over a Unix socket, which knows no reset, the connection ends', async () => {
  const servers: Socket[] = []
  const { url } = await startMisbehaving((socket) => {
    servers.push(socket)
    socket.write(CHUNKED)
  })
  const proxy = createProxy({ config: routeTo(url) })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const folder = mkdtempSync(join(tmpdir(), 'break-off-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 's')
  await proxy.listen({ path })
  const client = await openRaw(0, { path })
  client.send('GET / HTTP/1.0\r\n\r\n')
  await client.until('hello')
  servers[0]?.end()
  expect(await client.untilClosed(20_000)).toMatch(/\r\n\r\nhello$/)
})

it('a client that reads nothing is let go, though much is left to write', async () => {
  const server = await startMisbehaving((socket) => {
    socket.write(`${HEAD}Connection: close\r\n\r\nhello`)
    socket.write(Buffer.alloc(20_000_000))
  })
  const { port, proxy } = await open('listen', server.url, { options: { timeouts: { requestMs: 1_000 } } })
  const over: string[] = []
  proxy.on('requestFailed', ({ error }) => over.push(error.code))
  const socket = connect(port, '127.0.0.1').pause()
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {}).write('GET / HTTP/1.0\r\n\r\n')
  await eventually(() => over.length > 0, 'the request is over', 20_000)
  expect(over).toEqual(['PROXY_REQUEST_TIMEOUT'])
})

interface Asked {
  readonly options?: Partial<ProxyOptions> | undefined
  readonly version?: '1.0' | '1.1'
  readonly wrap?: (proxy: ReverseProxy) => RequestListener
}

interface Client {
  received: string
  ended: boolean
  closed: boolean
  error: string | undefined
}

/** Asks through a door, and breaks the response off once the client has read its beginning. */
async function ask(door: Door, begin: string, end: Ending[1], asked: Asked = {}): Promise<Client> {
  const servers: Socket[] = []
  const { url } = await startMisbehaving((socket) => {
    servers.push(socket)
    socket.write(begin)
  })
  const { port, proxy } = await open(door, url, asked)
  const client: Client = { received: '', ended: false, closed: false, error: undefined }
  const at = { port, host: '127.0.0.1', rejectUnauthorized: false }
  const socket = door.endsWith('TLS') ? connectTls(at) : connect(at)
  onTestFinished(() => void socket.destroy())
  socket.on('data', (chunk) => {
    client.received += chunk.toString('latin1')
  })
  socket.on('end', () => {
    client.ended = true
  })
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    client.error = code
  })
  socket.on('close', () => {
    client.closed = true
  })
  socket.write(`GET / HTTP/${asked.version ?? '1.0'}\r\nHost: a\r\n\r\n`)
  await eventually(() => client.received.includes('hello'), 'the response begins', 20_000)
  end(servers[0] as Socket, proxy)
  return client
}

async function open(door: Door, url: string, { options, wrap }: Asked) {
  const proxy = createProxy({ config: routeTo(url), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  if (door === 'listen') return { proxy, ...(await proxy.listen({ port: 0, host: '127.0.0.1' })) }
  const server: Server = door.endsWith('TLS') ? createSecure(await identity()) : createPlain()
  if (door.startsWith('attach')) proxy.attach(server)
  else server.on('request', wrap?.(proxy) ?? proxy.handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { proxy, port: (server.address() as AddressInfo).port }
}

let made: ReturnType<Authority['sign']> | undefined

async function identity() {
  made ??= (await Authority.create('known')).sign()
  return made
}
