import { Agent } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../../support/http-get.js'
import {
  openRaw,
  routeTo,
  routeWith,
  startEngine,
  startMisbehaving,
  startNamed,
} from '../../support/live-engine.js'
import { refusingUrl } from '../../support/misbehaving-server.js'

const JSON_BODY = {
  error: { code: 'PROXY_NO_ROUTE', status: 404, message: 'No frontend matches this request.' },
}
const TEXT_BODY = '404 No frontend matches this request. (PROXY_NO_ROUTE)\n'

describe('an error response', () => {
  it.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
    ['application/json', 'json'],
    ['application/problem+json', 'json'],
    ['application/json, text/plain, */*', 'json'],
    ['text/plain, application/json', 'text'],
  ])('to Accept %s is %s', async (accept, form) => {
    const { port } = await startEngine(routeWith({ rule: 'Path:/only' }, await refusingUrl()))
    const answer = await httpGet({ port, ...(accept !== undefined && { headers: { accept } }) })
    expect(answer.status).toBe(404)
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    if (form === 'json') {
      expect(answer.headers['content-type']).toBe('application/json')
      expect(JSON.parse(answer.body)).toEqual(JSON_BODY)
    } else {
      expect(answer.headers['content-type']).toMatch(/^text\/plain/)
      expect(answer.body).toBe(TEXT_BODY)
    }
  })

  it('to HEAD has the length and no body, and the connection goes on', async () => {
    const { port } = await startEngine(routeWith({ rule: 'Path:/only' }, await startNamed('one')))
    const client = await openRaw(port)
    client.sendHead('HEAD /none HTTP/1.1', 'Host: a').sendHead('GET /only HTTP/1.1', 'Host: a')
    const received = await client.until('\r\n\r\none')
    expect(received).toContain(`Content-Length: ${TEXT_BODY.length}\r\n`)
    expect(received).not.toContain('No frontend')
  })

  it('before the first configuration is 503 with Retry-After: 1', async () => {
    const { port } = await startEngine()
    const answer = await httpGet({ port, headers: { accept: 'application/json' } })
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'PROXY_NOT_READY' } })
  })

  it('never names a server', async () => {
    const garbage = await startMisbehaving((socket) => socket.end('no HTTP at all\r\n\r\n'))
    const reset = await startMisbehaving((socket) => socket.resetAndDestroy())
    for (const url of [await refusingUrl(), garbage.url, reset.url]) {
      const { port } = await startEngine(routeTo(url))
      for (const accept of ['text/plain', 'application/json']) {
        const answer = await httpGet({ port, headers: { accept } })
        expect(answer.status).toBe(502)
        const { hostname, port: serverPort } = new URL(url)
        const whole = JSON.stringify(answer)
        expect(whole).not.toContain(hostname)
        expect(whole).not.toContain(serverPort)
        expect(whole).not.toContain('ECONN')
      }
    }
  })

  it('ends a connection on which a body is still to come, so that nothing of it becomes a request', async () => {
    const { port, front } = await startEngine(routeWith({ rule: 'Path:/only' }, await refusingUrl()))
    let requests = 0
    front.server.on('request', () => {
      requests += 1
    })
    const client = await openRaw(port)
    client.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1000').send('x')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 404 .*\r\nConnection: close\r\n/s)
    expect(requests).toBe(1)
  })

  it('keeps a connection whose request is complete', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const { port, front } = await startEngine(routeWith({ rule: 'Path:/only' }, await refusingUrl()))
    for (let time = 0; time < 3; time++) {
      const answer = await httpGet({ port, agent })
      expect(answer.status).toBe(404)
    }
    expect(front.connections).toBe(1)
  })
})
