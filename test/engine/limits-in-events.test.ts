import type { Backend, ProxyEngine } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startServer, type TestServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** A server whose responses are held back until the test lets them go. */
async function startHolding(): Promise<{ server: TestServer; release: () => unknown; held: (() => void)[] }> {
  const held: (() => void)[] = []
  const server = await startServer((req, res) => {
    req.resume()
    held.push(() => res.end('held'))
  })
  return { server, held, release: () => held.splice(0).map((end) => end()) }
}

function messagesOf(engine: ProxyEngine): string[] {
  const messages: string[] = []
  engine.events.on('requestFailed', ({ error }) => messages.push(`${error.code}: ${error.message}`))
  return messages
}

function routeLimited(url: string, backend: Partial<Backend>, server = {}): ReturnType<typeof routeTo> {
  const { frontends } = routeTo(url)
  return { frontends, backends: { pool: { servers: { s1: { url, ...server } }, ...backend } } }
}

describe('the event of a request beyond a limit names the limit', () => {
  it.each([
    [
      'limits.requestsInFlight',
      { limits: { requestsInFlight: 1 } },
      {},
      {},
      'PROXY_OVERLOADED: more than 1 requests are under way (limits.requestsInFlight)',
    ],
    [
      'maxConn',
      {},
      { maxConn: { amount: 1, extractorFunc: 'request.host' } },
      {},
      'PROXY_TOO_MANY_REQUESTS: as many requests of one request.host are under way as maxConn.amount allows: 1',
    ],
    [
      'queue.size',
      {},
      { queue: { size: 0 } },
      { maxConnections: 1 },
      'PROXY_SERVERS_BUSY: every server has its maxConnections, and the queue is full (queue.size: 0)',
    ],
  ])('%s', async (_, options, backend, server, message) => {
    const { server: target, release, held } = await startHolding()
    const { engine, port } = await startEngine(routeLimited(target.url, backend, server), options)
    const messages = messagesOf(engine)
    const first = httpGet({ port })
    await eventually(() => held.length === 1, 'the first request is under way')
    await httpGet({ port })
    release()
    expect((await first).body).toBe('held')
    expect(messages).toEqual([message])
  })

  it.each([
    ['limits.bodyBytes', { limits: { bodyBytes: 10 } }, {}],
    ['buffering.maxRequestBodyBytes', {}, { buffering: { maxRequestBodyBytes: 10 } }],
  ])('%s, by length and by chunks', async (_, options, backend) => {
    const { server } = await startHolding()
    const { engine, port } = await startEngine(routeLimited(server.url, backend), options)
    const messages = messagesOf(engine)
    const body = 'x'.repeat(11)
    await httpGet({ port, method: 'POST', body, headers: { 'content-length': '11' } })
    await httpGet({ port, method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } })
    const message =
      'PROXY_BODY_TOO_LARGE: the body is longer than 10 bytes (limits.bodyBytes, or buffering.maxRequestBodyBytes of the backend)'
    expect(messages).toEqual([message, message])
  })
})
