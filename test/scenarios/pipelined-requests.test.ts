import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, routeTo, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** A server that holds its answers until they are let go, and says in which order it was asked. */
async function holding() {
  const asked: string[] = []
  const held: (() => void)[] = []
  const counts = { most: 0, left: 0 }
  const server = await startServer((req: IncomingMessage, res: ServerResponse) => {
    asked.push(`${req.method} ${req.url}`)
    const answer = () => res.end(`<${req.url}>`)
    held.push(answer)
    counts.most = Math.max(counts.most, held.length)
    res.on('close', () => {
      if (!res.writableFinished) counts.left += 1
      if (held.includes(answer)) held.splice(held.indexOf(answer), 1)
    })
    req.resume()
  })
  const letGo = async (count: number) => {
    for (let n = 0; n < count; n++) {
      await eventually(() => held.length > 0, `request ${n} of ${count} is at the server`)
      held.shift()?.()
    }
  }
  return { server, url: server.url, asked, held, counts, letGo }
}

type Way = 'listen' | 'attach' | 'connect-style'

async function openProxy(url: string, options: Partial<ProxyOptions> = {}, way: Way = 'listen') {
  const proxy = createProxy({ config: routeTo({ url }), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  if (way === 'listen') {
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    return { proxy, port }
  }
  const own =
    way === 'attach'
      ? createServer()
      : createServer((req, res) => proxy.handler(req, res, () => void res.end('own')))
  if (way === 'attach') proxy.attach(own)
  else own.on('upgrade', proxy.upgrade)
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    own.closeAllConnections()
    own.close()
  })
  return { proxy, port: (own.address() as { port: number }).port }
}

const WAYS: readonly Way[] = ['listen', 'attach', 'connect-style']

/** A whole request without a body. */
const get = (path: string, method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const put = (path: string) => `PUT ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`

describe.each(WAYS)('requests that are pipelined (%s)', (way) => {
  it('go to the server one by one, on one connection, and are answered in order', async () => {
    const server = await holding()
    const { proxy, port } = await openProxy(server.url, {}, way)
    const client = await openRaw(port)
    client.send(Array.from({ length: 50 }, (_, n) => get(`/${n}`)).join(''))
    await eventually(() => server.held.length === 1, 'the first is at the server')
    await server.letGo(50)
    const received = await client.until('</49>')
    expect([...received.matchAll(/<\/(\d+)>/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    )
    expect({ most: server.counts.most, connections: server.server.connections }).toEqual({
      most: 1,
      connections: 1,
    })
    expect(proxy.state.generation).toBe(1)
  })

  it('wait for a PUT before them', async () => {
    const server = await holding()
    const { port } = await openProxy(server.url, { limits: { pipelined: 10 } }, way)
    const client = await openRaw(port)
    client.send(put('/a') + get('/b') + get('/c') + put('/d') + get('/e'))
    await eventually(() => server.held.length === 1, 'the PUT is there')
    await server.letGo(1)
    await eventually(() => server.held.length === 2, 'both GETs are there')
    await server.letGo(2)
    await eventually(() => server.held.length === 1, 'the next PUT is there')
    expect(server.asked).toHaveLength(4)
    await server.letGo(2)
    await client.until('</e>')
    expect(server.asked).toEqual(['PUT /a', 'GET /b', 'GET /c', 'PUT /d', 'GET /e'])
    expect(server.counts.most).toBe(2)
  })

  it('are forgotten when their client leaves, also what was not parsed', async () => {
    const server = await holding()
    const { port } = await openProxy(server.url, {}, way)
    for (const goes of ['reset', 'end'] as const) {
      const client = await openRaw(port)
      client.send(Array.from({ length: 3_000 }, (_, n) => get(`/${n}`)).join(''))
      const before = server.asked.length
      await eventually(() => server.held.length === 1, 'the first is there')
      await eventually(() => client.socket.writableLength === 0, 'all has left')
      if (goes === 'reset') client.reset()
      else client.socket.end()
      const lost = server.counts.left
      await eventually(() => server.counts.left === lost + 1, 'the first has ended at the server')
      await client.untilClosed()
      expect(server.asked).toHaveLength(before + 1)
    }
  })
})
