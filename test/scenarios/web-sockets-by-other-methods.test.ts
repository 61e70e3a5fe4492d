import { createServer, METHODS } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type ProxyOptions, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, routeTo, startMisbehaving } from '../support/live-engine.js'

/** A server that switches whatever it is asked, and keeps the heads that it got. */
async function startSwitching(protocol = 'websocket') {
  const heads: string[] = []
  const server = await startMisbehaving((socket, head) => {
    heads.push(head)
    socket.write(
      /^upgrade:/im.test(head)
        ? `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\ntunnel`
        : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain',
    )
  })
  return { url: server.url, heads }
}

const WAYS = ['listen', 'attach', 'handler and upgrade', 'handler alone'] as const

async function serve(proxy: ReverseProxy, way: (typeof WAYS)[number]): Promise<number> {
  if (way === 'listen') return (await proxy.listen({ port: 0, host: '127.0.0.1' })).port
  const own = createServer()
  if (way === 'attach') proxy.attach(own)
  else own.on('request', proxy.handler)
  if (way === 'handler and upgrade') own.on('upgrade', proxy.upgrade)
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    own.close()
    own.closeAllConnections()
  })
  return (own.address() as AddressInfo).port
}

async function open(way: (typeof WAYS)[number], options: Partial<ProxyOptions> = {}, protocol?: string) {
  const { url, heads } = await startSwitching(protocol)
  const proxy = createProxy({ config: routeTo(url), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: string[] = []
  proxy.on('requestFailed', ({ error }) => failed.push(error.code))
  const port = await serve(proxy, way)
  await proxy.ready()
  return { port, heads, failed }
}

const ask = (line: string, token = 'websocket', ...more: string[]) =>
  [line, 'Host: a', 'Connection: keep-alive, Upgrade', `Upgrade: ${token}`, ...more] as const

/** All that Node's parser takes, but for those that are refused anyway, and the one that may. */
const OTHERS = METHODS.filter((method) => !['GET', 'CONNECT', 'TRACE'].includes(method))

describe.each(WAYS)('a WebSocket, where requests come by %s,', (way) => {
  it('begins with no other method than GET', async () => {
    const { port, heads, failed } = await open(way)
    for (const method of OTHERS) {
      const client = await openRaw(port)
      client.sendHead(...ask(`${method} / HTTP/1.1`)).send('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
      expect(await client.untilClosed(), method).toMatch(
        /^HTTP\/1\.1 400 [^\r]*\r\n(?:[^\r]+\r\n)*\r\n[^\r]*$/,
      )
    }
    expect(heads).toEqual([])
    expect(new Set(failed)).toEqual(new Set(['PROXY_BAD_REQUEST']))
  })

  it.each(['websocket', 'WebSocket', 'WEBSOCKET'])('is known as %s', async (token) => {
    const { port, heads } = await open(way)
    const client = await openRaw(port)
    client.sendHead(...ask('POST / HTTP/1.1', token, 'Content-Length: 0'))
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*PROXY_BAD_REQUEST/)
    expect(heads).toEqual([])
  })

  it('takes no other method because `upgradeProtocols` names it', async () => {
    const { port, heads } = await open(way, { upgradeProtocols: ['WebSocket', 'tcp'] })
    const client = await openRaw(port)
    client.sendHead(...ask('POST / HTTP/1.1'))
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 /)
    expect(heads).toEqual([])
  })

  it.each([
    ['in HTTP/1.0', ask('POST / HTTP/1.0')],
    ['with a body', ask('POST / HTTP/1.1', 'websocket', 'Content-Length: 0005')],
    ['as one of several', ask('POST / HTTP/1.1', 'h2c, websocket')],
    ['without Connection', ['POST / HTTP/1.1', 'Host: a', 'Upgrade: websocket']],
  ])('that is none, %s, is served as the plain request that it is too', async (_what, lines) => {
    const { port, heads } = await open(way)
    const client = await openRaw(port)
    client.sendHead(...lines).send(lines.includes('Content-Length: 0005') ? 'hello' : '')
    expect(await client.until('plain')).toMatch(/^HTTP\/1\.1 200 /)
    expect(heads).toHaveLength(1)
    expect(heads[0]).not.toMatch(/^upgrade:/im)
  })
})

describe.each(WAYS.slice(0, 3))('a protocol that `upgradeProtocols` names, by %s,', (way) => {
  it.each(['GET', 'POST', 'PUT', 'OPTIONS', 'DELETE', 'PROPFIND'])('begins with %s', async (method) => {
    const { port, heads } = await open(way, { upgradeProtocols: ['TCP'] }, 'tcp')
    const client = await openRaw(port)
    client.sendHead(...ask(`${method} /attach HTTP/1.1`, 'tcp'))
    expect(await client.until('tunnel')).toMatch(/^HTTP\/1\.1 101 /)
    expect(heads[0]).toMatch(new RegExp(`^${method} /attach HTTP/1\\.1\r\n[\\s\\S]*\r\nupgrade: tcp\r\n`))
  })
})

it.each(WAYS.slice(0, 3))('GET opens a WebSocket by %s', async (way) => {
  const { port } = await open(way)
  const client = await openRaw(port)
  client.sendHead(...ask('GET / HTTP/1.1'))
  expect(await client.until('tunnel')).toMatch(/^HTTP\/1\.1 101 /)
})
