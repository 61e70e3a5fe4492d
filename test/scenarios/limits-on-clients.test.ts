import { createServer } from 'node:http'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

async function make(options: Partial<ProxyOptions>) {
  const server = await startNamed('served')
  const proxy = createProxy({ config: routeTo(server), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  return { proxy, server }
}

async function listen(options: Partial<ProxyOptions>): Promise<number> {
  const { proxy } = await make(options)
  return (await proxy.listen({ port: 0, host: '127.0.0.1' })).port
}

describe('limits.connectionsPerAddress', () => {
  it('closes one more of the same address at once, and no one else’s; a place that is left is free again', async () => {
    const port = await listen({ limits: { connectionsPerAddress: 2 } })
    const [first, second] = [await openRaw(port), await openRaw(port)]
    const third = await openRaw(port)
    expect(await third.untilClosed(30_000)).toBe('')
    expect((await httpGet({ port, from: '127.0.1.7' })).status).toBe(200)
    for (const client of [first, second]) {
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      await client.until('served')
    }
    first.socket.destroy()
    await eventually(async () => {
      const again = await openRaw(port)
      again.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: close')
      return (await again.untilClosed()).includes('served')
    }, 'there is a place again')
    expect(second.closed).toBe(false)
  })

  it('counts tunnels too', async () => {
    const { proxy, server } = await make({ limits: { connectionsPerAddress: 1 } })
    server.server.on('upgrade', (_req, socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const tunnel = await openRaw(port)
    tunnel.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
    await tunnel.until('101')
    expect(await (await openRaw(port)).untilClosed(30_000)).toBe('')
  })
})

describe('timeouts.requestHeadMs', () => {
  it.each([
    ['that comes drop by drop', (send: (bytes: string) => void) => setInterval(() => send('x'), 100)],
    ['of which nothing more comes', () => setInterval(() => {}, 1_000)],
  ])('ends a head %s', async (_, drip) => {
    const port = await listen({ timeouts: { requestHeadMs: 1_000 } })
    const client = await openRaw(port)
    const start = performance.now()
    client.send('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ')
    const timer = drip((bytes) => client.send(bytes))
    onTestFinished(() => clearInterval(timer))
    expect(await client.untilClosed()).toMatch(/^(HTTP\/1\.1 408 .*)?/)
    const lasted = performance.now() - start
    expect(lasted).toBeGreaterThan(900)
    expect(lasted).toBeLessThan(20_000)
  })
})

describe('timeouts.keepAliveMs', () => {
  it('ends a connection without a request, and begins anew with each', async () => {
    const port = await listen({ timeouts: { keepAliveMs: 1_000 } })
    const client = await openRaw(port)
    for (let time = 0; time < 2; time++) {
      client.received = ''
      client.sendHead('GET / HTTP/1.1', 'Host: a')
      await client.until('served')
    }
    const start = performance.now()
    await client.untilClosed()
    expect(performance.now() - start).toBeGreaterThan(900)
    expect(performance.now() - start).toBeLessThan(20_000)
  })
})

describe('attach', () => {
  it('sets the times of a server that exists', async () => {
    const { proxy } = await make({ timeouts: { requestHeadMs: 1_234, keepAliveMs: 2_345 } })
    const server = createServer()
    proxy.attach(server)
    const { headersTimeout, keepAliveTimeout, requestTimeout, maxHeadersCount } = server
    expect({ headersTimeout, keepAliveTimeout, requestTimeout, maxHeadersCount }).toEqual({
      headersTimeout: 1_234,
      keepAliveTimeout: 2_345,
      requestTimeout: 0,
      maxHeadersCount: 0,
    })
  })
})

describe('CONNECT', () => {
  it('is 405, whether on a listener of the proxy’s or on a server of the host’s', async () => {
    const { proxy, server } = await make({})
    const own = createServer()
    proxy.attach(own)
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void own.close())
    const ports = [
      (await proxy.listen({ port: 0, host: '127.0.0.1' })).port,
      (own.address() as { port: number }).port,
    ]
    for (const port of ports) {
      const client = await openRaw(port)
      client.sendHead('CONNECT a.test:443 HTTP/1.1', 'Host: a.test:443')
      expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\n/)
    }
    expect(server.connections).toBe(0)
  })
})
