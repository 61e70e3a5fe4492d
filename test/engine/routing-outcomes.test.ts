import type { ProviderConfig, RequestFacts, RequestFailed } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, recordFinished, routeWith, startEngine, startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const UPGRADE = [
  'Host: a.test',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
]

describe('a white list', () => {
  /** `office` comes first and is for those on its list; `others` would take everyone. */
  async function startGuarded(
    whiteList: { sourceRange: string[]; useXForwardedFor?: boolean },
    options: Parameters<typeof startEngine>[1] = {},
  ) {
    const [office, others] = await Promise.all([startNamed('office'), startNamed('others')])
    const config: ProviderConfig = {
      frontends: {
        office: {
          backend: 'office',
          rule: options.matchers ? 'Host:a.test;Path:/desk;Seen:x' : 'Host:a.test;Path:/desk',
          whiteList,
        },
        others: { backend: 'others', rule: 'PathPrefix:/' },
      },
      backends: {
        office: { servers: { only: { url: office.url } } },
        others: { servers: { only: { url: others.url } } },
      },
    }
    return { ...(await startEngine(config, options)), office, others }
  }
  const ask = { host: 'a.test', path: '/desk' }

  it('lets in who is on it', async () => {
    const { port } = await startGuarded({ sourceRange: ['10.0.0.0/8', '127.0.1.0/24'] })
    expect(await httpGet({ ...ask, port, from: '127.0.1.7' })).toMatchObject({ status: 200, body: 'office' })
  })

  it('keeps out all others, whom no other frontend gets', async () => {
    const { port, office, others } = await startGuarded({ sourceRange: ['127.0.1.0/24'] })
    const answer = await httpGet({ ...ask, port, from: '127.0.2.7' })
    expect(answer).toMatchObject({ status: 403, body: expect.stringContaining('(PROXY_FORBIDDEN)') })
    expect(answer.headers['content-type']).toMatch('text/plain')
    expect(answer.body).not.toMatch(/office|127/)
    expect([office.connections, others.connections]).toEqual([0, 0])
    expect(await httpGet({ ...ask, port, path: '/', from: '127.0.2.7' })).toMatchObject({ body: 'others' })
  })

  it('answers in JSON who asks for it', async () => {
    const { port } = await startGuarded({ sourceRange: ['10.0.0.0/8'] })
    const answer = await httpGet({ ...ask, port, headers: { accept: 'application/json' } })
    expect(answer.headers['content-type']).toBe('application/json')
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'PROXY_FORBIDDEN', status: 403 } })
  })

  it('reports whom it kept out', async () => {
    const { port, engine } = await startGuarded({ sourceRange: ['10.0.0.0/8'] })
    const failed: RequestFailed[] = []
    engine.events.on('requestFailed', (event) => failed.push(event))
    await httpGet({ ...ask, port, from: '127.0.3.7' })
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({
      ...{ frontend: expect.stringMatching(/^office\b/), path: '/desk', status: 403 },
      ...{ clientAddress: '127.0.3.7', error: { code: 'PROXY_FORBIDDEN', source: 'client' } },
    })
    expect(failed[0]?.server).toBeUndefined()
  })

  it('keeps out a WebSocket too', async () => {
    const { port, office } = await startGuarded({ sourceRange: ['10.0.0.0/8'] })
    const client = await openRaw(port)
    client.sendHead('GET /desk HTTP/1.1', ...UPGRADE)
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 403 .*PROXY_FORBIDDEN/s)
    expect(office.connections).toBe(0)
  })

  const trusted = ['127.0.0.1']
  it.each([
    ['the socket, by default', ['127.0.0.1'], undefined, trusted, '10.1.2.3', 200],
    ['not the client behind it, by default', ['10.1.0.0/16'], undefined, trusted, '10.1.2.3', 403],
    ['the socket, if so said', ['10.1.0.0/16'], false, trusted, '10.1.2.3', 403],
    ['the client behind a trusted proxy', ['10.1.0.0/16'], true, trusted, '10.1.2.3', 200],
    ['not what the client claims before it', ['10.1.0.0/16'], true, trusted, '10.1.2.3, 6.6.6.6', 403],
    ['not the trusted proxy, if one is behind it', ['127.0.0.1'], true, trusted, '10.1.2.3', 403],
    ['the socket of a stranger, whatever it claims', ['10.1.0.0/16'], true, [], '10.1.2.3', 403],
    ['the socket, if it says nothing', ['127.0.0.1'], true, trusted, undefined, 200],
    ['no address that is none', ['0.0.0.0/0', '::/0'], true, trusted, 'unknown', 403],
  ])('looks at %s', async (_what, sourceRange, useXForwardedFor, trustedProxies, chain, status) => {
    const whiteList = { sourceRange, ...(useXForwardedFor !== undefined && { useXForwardedFor }) }
    let seen: RequestFacts | undefined
    const Seen = () => (facts: RequestFacts) => {
      seen = facts
      return true
    }
    const { port, engine } = await startGuarded(whiteList, { trustedProxies, matchers: { Seen } })
    const headers = { ...(chain !== undefined && { 'x-forwarded-for': chain }) }
    expect((await httpGet({ ...ask, port, headers })).status).toBe(status)
    // Serving and explaining decide alike.
    const { winner } = engine.explain({ ...(seen as unknown as RequestFacts) })
    expect(winner?.answer?.status ?? 200).toBe(status)
  })

  it('is about the client if explain is told of no peer', async () => {
    const { engine } = await startGuarded({ sourceRange: ['127.0.0.0/8'] })
    const facts = { method: 'GET', host: 'a.test', path: '/desk', query: '', headers: {} }
    const answer = (more: { clientAddress: string; peerAddress?: string }) =>
      engine.explain({ ...facts, ...more }).winner?.answer?.status
    expect(answer({ clientAddress: '198.51.100.7' })).toBe(403)
    expect(answer({ clientAddress: '198.51.100.7', peerAddress: '127.0.0.1' })).toBeUndefined()
    expect(answer({ clientAddress: '127.0.0.1', peerAddress: '198.51.100.7' })).toBe(403)
  })

  it('and a slash at the end come in the same order for a request and for explain', async () => {
    const { port, engine } = await startGuarded(
      { sourceRange: ['10.0.0.0/8'], useXForwardedFor: true },
      { keepTrailingSlash: false },
    )
    const { status } = await httpGet({ ...ask, port, path: '/desk/' })
    expect([301, 403]).toContain(status)
    const facts = { method: 'GET', host: 'a.test', path: '/desk/', query: '', headers: {} }
    const { winner } = engine.explain({ ...facts, clientAddress: '127.0.0.1' })
    expect(winner?.answer?.status).toBe(status)
  })
})

describe('the other slash form', () => {
  const start = async (rule: string) => {
    const server = await startNamed('server')
    return { ...(await startEngine(routeWith({ rule }, server), { keepTrailingSlash: false })), server }
  }

  it.each([
    ['GET', 'Path:/shelf', '/shelf/', '/shelf'],
    ['GET', 'Path:/shelf/', '/shelf', '/shelf/'],
    ['GET', 'Path:/shelf', '/shelf/?row=1&to=/x/', '/shelf?row=1&to=/x/'],
    ['GET', 'Path:/shelf/', '/shelf?', '/shelf/?'],
    ['GET', 'Path:/shelf', '/room/%2e%2e/shelf/', '/shelf'],
    ['GET', 'PathStripRegex:/row/{n:[0-9]+}/', '/row/7', '/row/7/'],
    ['HEAD', 'Path:/shelf', '/shelf/', '/shelf'],
    ['DELETE', 'Path:/shelf', '/shelf/?hard', '/shelf?hard'],
  ])('%s by %s of %s: 301 to %s', async (method, rule, path, location) => {
    const { port, server, engine } = await start(rule)
    const finished = recordFinished(engine)
    const answer = await httpGet({ port, method, path })
    expect(answer).toMatchObject({ status: 301, body: '', headers: { location, 'content-length': '0' } })
    expect(server.connections).toBe(0)
    await eventually(() => finished.length === 1, 'the report')
    expect(finished[0]).toMatchObject({ status: 301, method, frontend: expect.stringMatching(/^all\b/) })
    expect(await httpGet({ port, path: location })).toMatchObject({ status: 200, body: 'server' })
  })

  it('is another path by default', async () => {
    const { port } = await startEngine(routeWith({ rule: 'Path:/shelf' }, await startNamed('server')))
    expect((await httpGet({ port, path: '/shelf/' })).status).toBe(404)
  })

  it('leaves the connection open for what the client asks next', async () => {
    const { port, front } = await start('Path:/shelf')
    const client = await openRaw(port)
    client.sendHead('GET /shelf/ HTTP/1.1', 'Host: a.test')
    await client.until('\r\n\r\n')
    client.sendHead('GET /shelf HTTP/1.1', 'Host: a.test')
    await client.until('server')
    expect(front.connections).toBe(1)
  })

  it('of a POST ends the connection, whose body nobody will read', async () => {
    const { port, server } = await start('Path:/shelf')
    const client = await openRaw(port)
    client.sendHead('POST /shelf/ HTTP/1.1', 'Host: a.test', 'Content-Length: 1000000')
    const received = await client.send('GET /other HTTP/1.1\r\n\r\n').untilClosed()
    expect(received).toMatch(/^HTTP\/1\.1 301 .*\r\nLocation: \/shelf\r\n.*\r\nConnection: close\r\n/s)
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(server.connections).toBe(0)
  })

  it('of a WebSocket is answered, and the connection ends', async () => {
    const { port, server } = await start('Path:/chat')
    const client = await openRaw(port)
    client.sendHead('GET /chat/?room=1 HTTP/1.1', ...UPGRADE)
    const received = await client.untilClosed()
    expect(received).toMatch(/^HTTP\/1\.1 301 .*\r\nLocation: \/chat\?room=1\r\n/s)
    expect(server.connections).toBe(0)
  })

  it.each([
    ['two slashes', 'Path:/{all:.*[a-z]}/', '//evil.test'],
    ['three slashes', 'Path:/{all:.*[a-z]}/', '///evil.test'],
    ['two slashes in the end of dot segments', 'Path:/{all:.*[a-z]}/', '/x/..//evil.test'],
    ['two slashes, without the last', 'Path:/{all:.*[a-z]}', '//evil.test/'],
  ])('never is on another host: %s', async (_what, rule, path) => {
    const { port } = await start(rule)
    const client = await openRaw(port)
    client.sendHead(`GET ${path} HTTP/1.1`, 'Host: a.test', 'Connection: close')
    const received = await client.untilClosed()
    expect(received).toMatch(/^HTTP\/1\.1 301 /)
    const location = /\r\nLocation: (.*)\r\n/.exec(received)?.[1] as string
    expect(new URL(location, 'http://a.test/x').host).toBe('a.test')
  })
})
