import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createProxy, type RequestFailed } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** A proxy with a request that waits for its response, one in the middle of it, a tunnel, and an idle connection. */
async function startBusy() {
  const waiting: ServerResponse[] = []
  const server = await startServer((req, res) => {
    if (req.url === '/idle') return void res.end('idle')
    if (req.url === '/begun') res.write('begun')
    waiting.push(res)
  })
  const tunnels: Socket[] = []
  server.server.on('upgrade', (_req, socket: Socket) => {
    tunnels.push(socket.on('error', () => {}))
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => socket.write(chunk))
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  const proxy = createProxy({ config: routeTo(server), limits: { pipelined: 2 } })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: RequestFailed[] = []
  proxy.on('requestFailed', (event) => failed.push(event))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const [idle, held, begun, tunnel] = await Promise.all([
    openRaw(port),
    openRaw(port),
    openRaw(port),
    openRaw(port),
  ])
  idle.sendHead('GET /idle HTTP/1.1', 'Host: a')
  await idle.until(/idle$/)
  held.sendHead('GET /held HTTP/1.1', 'Host: a')
  begun.sendHead('GET /begun HTTP/1.1', 'Host: a')
  await begun.until('begun')
  tunnel.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
  await tunnel.until('\r\n\r\n')
  await eventually(() => waiting.length === 2, 'both requests wait')
  return { proxy, port, failed, waiting, server, idle, held, begun, tunnel }
}

describe('close({ drainMs })', () => {
  it('accepts nothing more, says so on what is under way, waits for it and for tunnels, and is done then', async () => {
    const { proxy, port, failed, waiting, server, idle, held, begun, tunnel } = await startBusy()
    let closed = false
    const closing = proxy.close({ drainMs: 60_000 }).then(() => {
      closed = true
    })
    await idle.untilClosed()
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    for (const res of waiting) res.end('the rest')
    expect(await held.untilClosed()).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*the rest/,
    )
    // Its head was told before; the connection ends all the same.
    expect(await begun.untilClosed()).toMatch(/the rest\r\n0\r\n\r\n$/)
    tunnel.send('still here')
    await tunnel.until('still here')
    expect(closed).toBe(false)
    tunnel.socket.end()
    await closing
    expect(failed).toEqual([])
    await eventually(() => server.sockets.size === 0, 'the server is left')
  })

  it('ends a connection whose response had begun before, but not before one that was asked for behind it', async () => {
    const { proxy, failed, waiting, begun, tunnel } = await startBusy()
    begun.sendHead('GET /behind HTTP/1.1', 'Host: a')
    await eventually(() => waiting.length === 3, 'both are under way')
    const closing = proxy.close({ drainMs: 60_000 })
    const paths = waiting.map(({ req }) => req.url)
    waiting[paths.indexOf('/begun')]?.end()
    await begun.until('begun\r\n0\r\n\r\n')
    waiting[paths.indexOf('/behind')]?.end('behind')
    expect(await begun.untilClosed()).toMatch(/Connection: close\r\n[\s\S]*behind/)
    for (const res of waiting) res.end()
    tunnel.socket.end()
    await closing
    expect(failed).toEqual([])
  })

  it('says on its own answers too that the connection ends', async () => {
    const { proxy, held, server } = await startBusy()
    const closing = proxy.close({ drainMs: 10_000 })
    server.server.close()
    for (const socket of server.sockets) socket.destroy()
    expect(await held.untilClosed()).toMatch(/^HTTP\/1\.1 502 [\s\S]*\r\nConnection: close\r\n/)
    await closing
  })

  it('cuts what is left after drainMs, tunnels too, and counts each', async () => {
    const { proxy, failed, server, held, begun, tunnel } = await startBusy()
    const start = performance.now()
    await proxy.close({ drainMs: 1_000 })
    const lasted = performance.now() - start
    expect(lasted).toBeGreaterThan(950)
    expect(lasted).toBeLessThan(20_000)
    for (const client of [held, begun, tunnel]) await client.untilClosed()
    expect(begun.received).not.toMatch(/\r\n0\r\n/)
    expect(held.received).toMatch(/^HTTP\/1\.1 503 [\s\S]*PROXY_CLOSED/)
    await eventually(() => failed.length === 3, 'the reports')
    expect(failed.map(({ path, error }) => `${path} ${error.code}`).sort()).toEqual([
      '/ PROXY_CLOSED',
      '/begun PROXY_CLOSED',
      '/held PROXY_CLOSED',
    ])
    await eventually(() => server.sockets.size === 0, 'the server is left')
  })

  it('answers what comes on connections that are still open, and ends each with that', async () => {
    const { proxy, waiting, held, begun, tunnel } = await startBusy()
    const closing = proxy.close({ drainMs: 60_000 })
    begun.sendHead('GET /late HTTP/1.1', 'Host: a')
    for (const res of waiting) res.end()
    await eventually(() => waiting.length === 3, 'it arrives')
    waiting[2]?.end('late')
    await Promise.all([held.untilClosed(), begun.untilClosed(30_000)])
    expect(begun.received).toMatch(/200 OK[\s\S]*200 OK[\s\S]*Connection: close\r\n[\s\S]*late/)
    tunnel.socket.end()
    await closing
  })
})
