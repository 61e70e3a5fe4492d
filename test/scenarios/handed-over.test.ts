import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type ProxyOptions, type RequestFailed, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, routeWith, startNamed, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** A proxy that is handed requests by a server of the host's. */
async function startHost(
  options: ProxyOptions,
  listener: (proxy: ReverseProxy) => RequestListener,
): Promise<{ proxy: ReverseProxy; server: Server; port: number; failed: RequestFailed[] }> {
  const proxy = createProxy(options)
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: RequestFailed[] = []
  proxy.on('requestFailed', (event) => failed.push(event))
  await proxy.ready()
  const server = createServer(listener(proxy))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { proxy, server, port: (server.address() as AddressInfo).port, failed }
}

describe('a request that is handed over late', () => {
  it.each([
    ['GET / HTTP/1.1', []],
    ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']],
    ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: h2c']],
  ])('and whose client has left is over at once: %s %j', async (line, headers) => {
    const config = routeTo(await startNamed('well'))
    const handOver: (() => void)[] = []
    const { proxy, server, port, failed } = await startHost(
      { config, limits: { requestsInFlight: 1 } },
      (own) => (req, res) => handOver.push(() => own.handler(req, res)),
    )
    server.on('upgrade', (req, socket, head) => {
      socket.on('error', () => {})
      handOver.push(() => proxy.upgrade(req, socket, head))
    })
    for (let time = 0; time < 3; time++) {
      const client = await openRaw(port)
      const gone = new Promise((resolve) =>
        server.once('connection', (socket) => socket.once('close', resolve)),
      )
      const late = await openRaw(port)
      late.sendHead(line, 'Host: a', ...headers)
      await eventually(() => handOver.length === 1, 'the request comes')
      late.socket.resetAndDestroy()
      await gone
      handOver.splice(0)[0]?.()
      client.socket.destroy()
    }
    // None of them is still under way, or there would be no room for this one.
    const answer = httpGet({ port })
    await eventually(() => handOver.length === 1, 'the last request comes')
    handOver[0]?.()
    expect(await answer).toMatchObject({ status: 200, body: 'well' })
    if (!headers.includes('Upgrade: h2c'))
      expect(failed.map(({ error }) => error.code)).toEqual(Array(3).fill('PROXY_CLIENT_LEFT'))
  })

  it.each([
    ['chunks', ['Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['a length', ['Content-Length: 00'], ''],
  ])('and whose empty body was read, framed by %s, goes on without one', async (_what, framing, body) => {
    const target = await startServer((req, res) => {
      let size = 0
      req.on('data', (chunk) => {
        size += chunk.length
      })
      req.on('end', () => res.end(`got ${size}`))
    })
    const { port } = await startHost({ config: routeTo(target) }, (proxy) => (req, res) => {
      req.on('end', () => proxy.handler(req, res)).resume()
    })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', ...framing)
    client.send(body)
    await client.until('got 0')
  })
})

describe('h2c', () => {
  it("reaches the host's own routes, as the same request without it does", async () => {
    const { port, server, proxy } = await startHost(
      { config: routeWith({ rule: 'PathPrefix:/ours' }, await startNamed('ours')) },
      (own) => (req, res) => (req.url === '/own' ? res.end('own') : own.handler(req, res)),
    )
    server.on('upgrade', proxy.upgrade)
    for (const [path, body] of [
      ['/own', 'own'],
      ['/ours', 'ours'],
    ] as const) {
      const client = await openRaw(port)
      client.sendHead(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c')
      expect(await client.untilClosed()).toMatch(new RegExp(`200 OK[\\s\\S]*${body}`))
    }
    const asking = await openRaw(port)
    asking.sendHead(
      ...(['POST /own HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c'] as const),
      ...['Content-Length: 2', 'Expect: 100-continue'],
    )
    await asking.until('100 Continue')
    asking.send('ok')
    expect(await asking.untilClosed()).toMatch(/200 OK[\s\S]*own/)
  })

  it('with an expectation that nobody knows is 417, and ends its connection', async () => {
    const proxy = createProxy({ config: routeTo(await startNamed('well')) })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c', 'Expect: zzz')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 417 [\s\S]*Connection: close/)
    await proxy.close({ drainMs: 0 })
  })
})

describe('CONNECT', () => {
  it('leaves no socket behind its 405, though the client ends nothing or says more', async () => {
    const proxy = createProxy({ config: routeTo('http://127.0.0.1:1') })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    for (const more of ['', 'x']) {
      const client = await openRaw(port, { allowHalfOpen: true })
      client.sendHead('CONNECT x:1 HTTP/1.1', 'Host: x:1')
      client.send(more)
      await client.until('405')
    }
    // Waits for every socket.
    await proxy.close({ drainMs: 0 })
  })
})

describe('a body that cannot be read', () => {
  it('is told of by the code that its client got', async () => {
    const proxy = createProxy({ config: routeTo(await startServer((req) => void req.resume())) })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const failed: RequestFailed[] = []
    proxy.on('requestFailed', (event) => failed.push(event))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
    client.send('3\r\nabc\r\nZZ\r\n')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 /)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({ status: 400, error: { code: 'PROXY_BAD_REQUEST' } })
  })
})
