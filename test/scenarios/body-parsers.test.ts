import express, { type RequestHandler } from 'express'
import { createProxy, type RequestFailed } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, startServer } from '../support/live-engine.js'

/** A proxy in a service of the host's, behind whatever reads bodies there. */
async function startBehind(...middlewares: RequestHandler[]) {
  const seen: string[] = []
  const server = await startServer(async (req, res) => {
    seen.push(`${req.method} ${req.url}`)
    let body = ''
    for await (const chunk of req) body += chunk
    res.end(`got ${body}`)
  })
  const proxy = createProxy({
    config: {
      frontends: { all: { backend: 'all', rule: 'PathPrefix:/' } },
      backends: { all: { servers: { only: { url: server.url } } } },
    },
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const failed: RequestFailed[] = []
  proxy.on('requestFailed', (event) => failed.push(event))
  const app = express()
  for (const middleware of middlewares) app.use(middleware)
  app.use(proxy.handler)
  const host = await startServer(app)
  return { port: host.port, seen, failed, server }
}

const JSON_BODY = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }

describe('behind express.json()', () => {
  it('a body that was read is 500 at once, the event says how to mend it, and no server sees half a request', async () => {
    const { port, failed, server } = await startBehind(express.json())
    for (const ask of [
      JSON_BODY,
      { ...JSON_BODY, headers: { ...JSON_BODY.headers, 'transfer-encoding': 'chunked' } },
    ])
      expect(await httpGet({ port, ...ask })).toMatchObject({
        status: 500,
        body: '500 The body was read before the proxy was given the request. (PROXY_BODY_CONSUMED)\n',
      })
    expect(failed.map(({ error }) => error.message)).toEqual(
      Array(2).fill(expect.stringMatching(/: put the proxy before body parsers such as express\.json\(\)$/)),
    )
    expect(server.connections).toBe(0)
  })

  it('and the client’s connection goes on', async () => {
    const { port } = await startBehind(express.json())
    const client = await openRaw(port)
    client
      .sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 7')
      .send('{"a":1}')
    await client.until('PROXY_BODY_CONSUMED')
    client.sendHead('GET /next HTTP/1.1', 'Host: a')
    await client.until('got ')
  })

  it.each([
    ['a GET', 'GET', {}],
    ['a POST without a body', 'POST', {}],
    ['a POST that says so', 'POST', { 'content-length': '0', 'content-type': 'application/json' }],
    ['a DELETE', 'DELETE', { 'content-type': 'application/json' }],
  ])('%s passes', async (_, method, headers) => {
    const { port, seen } = await startBehind(express.json())
    expect(await httpGet({ port, method, headers })).toMatchObject({ status: 200, body: 'got ' })
    expect(seen).toEqual([`${method} /`])
  })

  it('a body of another type, that it leaves alone, passes', async () => {
    const { port } = await startBehind(express.json())
    const answer = await httpGet({ ...JSON_BODY, port, headers: { 'content-type': 'text/plain' } })
    expect(answer).toMatchObject({ status: 200, body: 'got {"a":1}' })
  })
})

describe('behind something that has read the first half of a body', () => {
  it('it is 500 too, and never half a body for a server', async () => {
    const { port, seen } = await startBehind((req, _res, next) => {
      req.once('data', () => {
        req.pause()
        next()
      })
    })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked').send('4\r\nhalf\r\n')
    await client.until('PROXY_BODY_CONSUMED')
    client.send('4\r\nrest\r\n0\r\n\r\n')
    await client.untilClosed()
    expect(seen).toEqual([])
  })
})

describe('behind something that looks on while a body passes', () => {
  it('what it saw before a server wanted it is missed: 500, and never the second half alone for a server', async () => {
    const { port, seen } = await startBehind((req, _res, next) => {
      req.on('data', () => {})
      next()
    })
    const client = await openRaw(port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    await client.until('PROXY_BODY_CONSUMED')
    expect(seen).toEqual([])
  })
})
