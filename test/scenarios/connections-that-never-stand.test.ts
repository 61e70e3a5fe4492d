import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'

/** Takes connections, and never says a word. */
async function startSilent() {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    sockets.add(socket.on('error', () => {}).resume())
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets, accepted: () => accepted }
}

/** Every socket that connects from here on. */
function watchSockets(): Set<Socket> {
  const sockets = new Set<Socket>()
  const add = (message: unknown) => void sockets.add((message as { socket: Socket }).socket)
  subscribe('net.client.socket', add)
  onTestFinished(() => void unsubscribe('net.client.socket', add))
  return sockets
}

/** Nobody waits for the time of a connection that is being made: it is a minute. */
async function startProxy(url: string, maxConnections: number | undefined, lookup?: () => void) {
  const server = maxConnections === undefined ? { url } : { url, maxConnections }
  const proxy = createProxy({
    timeouts: { connectMs: 60_000 },
    ...(lookup && { lookup }),
    config: {
      frontends: { all: { rule: 'PathPrefix:/', backend: 'pool' } },
      backends: { pool: { servers: { server } } },
    },
  })
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, port }
}

describe.each([undefined, 1])(
  'a proxy that closes while a connection is being made (maxConnections: %s)',
  (most) => {
    it('gives up one whose TLS handshake hangs', async () => {
      const silent = await startSilent()
      const { proxy, port } = await startProxy(`https://127.0.0.1:${silent.port}`, most)
      const asked = [httpGet({ port }), httpGet({ port })]
      await eventually(() => silent.accepted() >= (most ?? 2), 'they connect')
      await proxy.close({ drainMs: 50 })
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([503, 503])
      await eventually(() => silent.sockets.size === 0, 'none is left', 10_000)
    })

    it('gives up one whose name is never found', async () => {
      const sockets = watchSockets()
      let lookups = 0
      const { proxy, port } = await startProxy('http://server.test:1', most, () => {
        lookups += 1
      })
      const asked = [httpGet({ port }), httpGet({ port })]
      await eventually(() => lookups >= (most ?? 2), 'they look')
      await proxy.close({ drainMs: 50 })
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([503, 503])
      const left = () => [...sockets].filter(({ destroyed }) => !destroyed)
      expect(sockets.size).toBeGreaterThan(2)
      await eventually(() => left().length === 0, 'none is left', 10_000)
    })
  },
)

describe('a proxy that closes while a limited server has yet to end a connection', () => {
  it('leaves no connection behind', async () => {
    const open = new Set<Socket>()
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      open.add(socket.on('error', () => {}))
      socket.on('close', () => open.delete(socket))
      socket.once('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of open) socket.destroy()
      server.close()
    })
    const { port: at } = server.address() as AddressInfo
    const { proxy, port } = await startProxy(`http://127.0.0.1:${at}`, 1)
    const sockets = watchSockets()
    expect((await httpGet({ port })).status).toBe(204)
    await proxy.close()
    const toServer = [...sockets].filter(({ remotePort, destroyed }) => remotePort === at && !destroyed)
    expect(toServer).toEqual([])
  })
})
