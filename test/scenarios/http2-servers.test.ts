import { EventEmitter, once } from 'node:events'
import type { Server } from 'node:http'
import {
  connect,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
} from 'node:http2'
import { request as requestSecure } from 'node:https'
import { type AddressInfo, createServer as createNet } from 'node:net'
import { createServer as createTls } from 'node:tls'
import express from 'express'
import fastify from 'fastify'
import { createProxy, type RequestHandler, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { catchFatal, catchWarnings } from '../support/catch-uncaught.js'
import { Authority } from '../support/etcd-tls.js'
import { routeTo, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

async function makeProxy(isReady = true): Promise<ReverseProxy> {
  const server = await startServer((_req, res) => res.end('served'))
  const waiting = { name: 'waiting', start: async () => {}, stop: async () => {} }
  const proxy = createProxy(isReady ? { config: routeTo(server) } : { providers: [waiting] })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  if (isReady) await proxy.ready()
  return proxy
}

let known: Promise<object> | undefined

function identity(): Promise<object> {
  known ??= Authority.create('http2').then((authority) => authority.sign())
  return known
}

type Make = () => Promise<Http2Server>
const HTTP2_SERVERS: readonly [string, Make][] = [
  ['createServer', async () => createServer()],
  ['createSecureServer', async () => createSecureServer(await identity()) as unknown as Http2Server],
  [
    'createSecureServer with allowHTTP1',
    async () => createSecureServer({ ...(await identity()), allowHTTP1: true }) as unknown as Http2Server,
  ],
]

describe('attach', () => {
  it.each(HTTP2_SERVERS)('refuses a server of node:http2 (%s), and says what to do', async (_, make) => {
    const [server, proxy] = [await make(), await makeProxy()]
    expect(() => proxy.attach(server as unknown as Server)).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message:
          'attach: expected a server of node:http or node:https, found a server of node:http2; HTTP/2 is not served yet: make the server with createServer of node:https, or end HTTP/2 in a proxy in front',
      }),
    )
    expect(server.listenerCount('request') + server.listenerCount('upgrade')).toBe(0)
    expect(proxy.state.providers.map(({ state }) => state)).toEqual(['live'])
  })

  it.each([
    [
      'a server of node:net',
      () => createNet(),
      'found a server of node:net or node:tls, which speaks no HTTP',
    ],
    [
      'a server of node:tls',
      () => createTls(),
      'found a server of node:net or node:tls, which speaks no HTTP',
    ],
    [
      'an app of Express',
      () => express(),
      'found a function; in a framework, call proxy.handler instead: app.use(proxy.handler)',
    ],
    [
      'an instance of Fastify',
      () => fastify(),
      'found an object; in a framework, call proxy.handler instead: app.use(proxy.handler)',
    ],
    ['an emitter', () => new EventEmitter(), 'found an object'],
    ['a promise', async () => createNet(), 'found an object'],
    ['null', () => null, 'found null'],
    ['nothing', () => undefined, 'found nothing'],
    ['a port', () => 8000, 'found number 8000'],
  ])('refuses %s', async (_, make, found) => {
    const proxy = await makeProxy()
    const server = make() as unknown as Server
    expect(() => proxy.attach(server)).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining(`attach: expected a server of node:http or node:https, ${found}`),
      }),
    )
  })
})

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

async function startHttp2(make: Make, handler: RequestHandler) {
  const server = await make()
  server.on('request', handler as never)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const scheme = 'setSecureContext' in server ? 'https' : 'http'
  const client = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  onTestFinished(() => client.destroy())
  const ask = async (headers: object, body = ''): Promise<Answer> => {
    const stream = client.request({ ':path': '/', ...headers })
    if (body !== '') stream.end(body)
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    let text = ''
    for await (const chunk of stream) text += chunk
    return { status: head[':status'] as number | undefined, body: text }
  }
  return { ask, port }
}

describe.each(HTTP2_SERVERS)('requests of node:http2 (%s) given to the handler', (_, make) => {
  it.each([
    ['GET', {}, ''],
    ['HEAD', { ':method': 'HEAD' }, ''],
    ['POST', { ':method': 'POST' }, 'a body'],
    ['a large POST', { ':method': 'POST' }, 'x'.repeat(1_000_000)],
  ])('get 505, not 400, and the host is told: %s', async (method, headers, body) => {
    const fatal = catchFatal()
    const proxy = await makeProxy()
    const failed: string[] = []
    proxy.on('requestFailed', ({ error }) => failed.push(`${error.code} ${error.source} ${error.message}`))
    const { ask } = await startHttp2(make, proxy.handler)
    const text = '505 This version of HTTP is not served here. (PROXY_VERSION_UNSUPPORTED)\n'
    const expected = { status: 505, body: method === 'HEAD' ? '' : text }
    expect(await ask(headers, body)).toEqual(expected)
    expect(await ask(headers, body)).toEqual(expected)
    await eventually(() => failed.length === 2, 'both reports')
    expect(failed).toEqual(
      Array(2).fill(
        expect.stringMatching(/^PROXY_VERSION_UNSUPPORTED internal .*node:http2; make the server/),
      ),
    )
    expect(fatal).toEqual([])
  })

  it('get 505 also in connect style, and 503 before the first configuration', async () => {
    const proxy = await makeProxy()
    const styled = await startHttp2(make, (req, res) => proxy.handler(req, res, () => res.end('next')))
    expect((await styled.ask({})).status).toBe(505)
    const early = await startHttp2(make, (await makeProxy(false)).handler)
    expect((await early.ask({})).status).toBe(503)
  })
})

it('a request of HTTP/1.1 on a server of node:http2 that allows it is served', async () => {
  const proxy = await makeProxy()
  const { port } = await startHttp2(HTTP2_SERVERS[2]?.[1] as Make, proxy.handler)
  const req = requestSecure({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false }).end()
  const [res] = await once(req, 'response')
  let body = ''
  for await (const chunk of res) body += chunk
  expect([res.statusCode, body]).toEqual([200, 'served'])
})

it('a warning of the process tells of requests of node:http2 once', async () => {
  const { versionRefusal } = await import('../../src/engine/client/http1/http2-request.js')
  const warnings = catchWarnings()
  const req = { httpVersion: '2.0', httpVersionMajor: 2, stream: {} } as never
  for (let time = 0; time < 3; time += 1) versionRefusal(req)
  await new Promise(setImmediate)
  expect(warnings.length).toBeLessThanOrEqual(1)
  expect(versionRefusal({ httpVersion: '2.0', httpVersionMajor: 2 } as never).code).toBe('PROXY_BAD_REQUEST')
})
