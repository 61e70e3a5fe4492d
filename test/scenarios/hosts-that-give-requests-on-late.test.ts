import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { catchFatal } from '../support/catch-uncaught.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, routeWith, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const request = (path: string, method = 'GET') =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\n${method === 'PUT' ? 'Content-Length: 2\r\n\r\nhi' : '\r\n'}`

/** A server that says of each request when it came and went. */
async function startTelling() {
  const log: string[] = []
  const held: (() => void)[] = []
  const server = await startServer((req, res) => {
    req.resume()
    log.push(`${req.method} ${req.url}`)
    const answer = () => res.end(`<${req.method} ${req.url}>`)
    if (req.url === '/held') held.push(answer)
    else answer()
  })
  return { url: server.url, log, held }
}

async function startProxy(options: ProxyOptions) {
  const proxy = createProxy(options)
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  return proxy
}

async function host(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const ORDERS = [
  [0, 2, 1],
  [0, 3, 2, 1],
  [2, 1, 0],
  [1, 3, 0, 2],
]
const METHODS = [
  ['GET', 'GET', 'GET', 'GET'],
  ['PUT', 'PUT', 'PUT', 'PUT'],
  ['GET', 'PUT', 'GET', 'PUT'],
  ['PUT', 'GET', 'GET', 'GET'],
]
const cells = [1, 2, 10].flatMap((pipelined) =>
  ORDERS.flatMap((order) => METHODS.map((methods) => ({ pipelined, order, methods }))),
)

describe('a host waits before it gives requests of one connection on', () => {
  it.each(cells)(
    '$order of $methods, pipelined $pipelined: all are answered in their order',
    async (cell) => {
      const { pipelined, order, methods } = cell
      const { url } = await startTelling()
      const proxy = await startProxy({ config: routeTo(url), limits: { pipelined } })
      const kept: (() => void)[] = []
      const port = await host((req, res) => kept.push(() => proxy.handler(req, res)))
      const client = await openRaw(port)
      const sent = methods.slice(0, order.length).map((method, n) => [method, `/${n}`] as const)
      client.send(sent.map(([method, path]) => request(path, method)).join(''))
      await eventually(() => kept.length === order.length, 'all came')
      for (const place of order) kept[place]?.()
      const received = await client.until(`/${order.length - 1}>`)
      expect([...received.matchAll(/<([^>]+)>/g)].map(([, what]) => what)).toEqual(
        sent.map(([method, path]) => `${method} ${path}`),
      )
    },
  )

  it('and nothing overtakes a PUT that it keeps', async () => {
    const { url, log, held } = await startTelling()
    const proxy = await startProxy({ config: routeTo(url) })
    let put: (() => void) | undefined
    const port = await host((req, res) => {
      if (req.method === 'PUT') put = () => proxy.handler(req, res)
      else proxy.handler(req, res)
    })
    const client = await openRaw(port)
    client.send(request('/held') + request('/put', 'PUT') + request('/after'))
    await eventually(() => held.length === 1 && put !== undefined, 'the first is at the server')
    held.shift()?.()
    await client.until('<GET /held>')
    // Whatever it would have begun by mistake is at the server by then.
    await (await openRaw(port)).send(request('/other')).until('<GET /other>')
    put?.()
    await client.until('<GET /after>')
    expect(log).toEqual(['GET /held', 'GET /other', 'PUT /put', 'GET /after'])
  })
})

describe.each([1, 2, 10])('a request goes through two proxies of one host, pipelined %d', (pipelined) => {
  it('and waits for others, not for itself', async () => {
    const { url, held, log } = await startTelling()
    const limits = { pipelined }
    const first = await startProxy({ config: routeWith({ rule: 'Path:/held' }, url), limits })
    const second = await startProxy({ config: routeTo(url), limits })
    let own: ServerResponse | undefined
    const port = await host((req, res) => {
      if (req.url !== '/own') first.handler(req, res, () => second.handler(req, res))
      else {
        own = res
        res.write('<own')
      }
    })
    const client = await openRaw(port)
    client.send(['/held', '/own', '/third', '/fourth'].map((path) => request(path)).join(''))
    await eventually(() => held.length === 1 && own !== undefined, 'the first is at the server')
    held.shift()?.()
    await client.until('<own')
    own?.end('>')
    await client.until('<GET /fourth>')
    expect(log).toEqual(['GET /held', 'GET /third', 'GET /fourth'])
  })
})

describe('a host answers a request that it has given to the status handler', () => {
  it.each([
    ['the first, which opens the status server', {}, false],
    ['a later one', {}, true],
    ['without a status server', undefined, true],
  ])('%s: its own answer is whole, and nothing is uncaught', async (_, status, isOpen) => {
    const fatal = catchFatal()
    const proxy = createProxy({ config: routeTo('http://127.0.0.1:1'), ...(status && { status }) })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    if (isOpen) await proxy.ready()
    const own = 'own'.repeat(50_000)
    const port = await host((req, res) => {
      if (req.url === '/ready') proxy.statusHandler(req, res)
      res.end(own)
    })
    for (let time = 0; time < 3; time += 1) {
      const answer = await httpGet({ port, path: '/ready' })
      expect([answer.status, answer.body.length]).toEqual([200, own.length])
    }
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(fatal).toEqual([])
  })
})
