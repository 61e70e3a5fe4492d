import { createServer as createPlain, request as requestPlain, type Server } from 'node:http'
import { createServer as createSecure, request as requestSecure } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../support/etcd-tls.js'
import { startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const BYTES = 3_000_000

/** Nothing ends by a time: only the end of the client, that was read, ends its connection. */
async function startProxy(secure: boolean, door: 'attach' | 'handler') {
  const early = await startServer(
    (_req, res) => void res.writeHead(413, { connection: 'close', 'content-length': 5 }).end('early'),
  )
  const proxy = createProxy({
    limits: { lingerMs: Number.POSITIVE_INFINITY },
    config: {
      frontends: { early: { rule: 'Path:/early', backend: 'early' } },
      backends: { early: { servers: { s: { url: early.url } } } },
    },
  })
  await proxy.ready()
  const server: Server = secure ? createSecure(await (await Authority.create('any')).sign()) : createPlain()
  if (door === 'attach') proxy.attach(server)
  else server.on('request', proxy.handler)
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.on('close', () => (open -= 1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await proxy.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, open: () => open }
}

/** All of the body leaves in one call: the proxy reads more of it at once than anybody takes. */
function upload(secure: boolean, port: number, path: string, length?: number): Promise<string> {
  const request = secure ? requestSecure : requestPlain
  const headers = length === undefined ? {} : { 'content-length': length }
  const options = { port, host: '127.0.0.1', path, method: 'POST', agent: false, headers } as const
  return new Promise((resolve, reject) => {
    const req = request({ ...options, rejectUnauthorized: false }, (res) => {
      res.resume().on('end', () => resolve(String(res.statusCode)))
    })
    req.on('error', reject).end(Buffer.alloc(BYTES))
  })
}

const cases = (['attach', 'handler'] as const).flatMap((door) =>
  [false, true].flatMap((secure) =>
    ['/none', '/early'].flatMap((path) =>
      [BYTES, undefined].map(
        (length) =>
          [path, length ? 'by length' : 'in chunks', door, secure ? 'TLS' : 'plain', secure, length] as const,
      ),
    ),
  ),
)

describe('the rest of an upload behind its answer', () => {
  it.each(cases)('is read to its end: %s, %s, %s, %s', async (path, _how, door, _tls, secure, length) => {
    const { port, open } = await startProxy(secure, door)
    const asked = Array.from({ length: 3 }, () => upload(secure, port, path, length))
    const status = path === '/none' ? '404' : '413'
    expect(await Promise.all(asked)).toEqual([status, status, status])
    await eventually(() => open() === 0, 'all connections have closed', 10_000)
  })
})
