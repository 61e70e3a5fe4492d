import type { IncomingMessage } from 'node:http'
import type { MatcherFactory } from 'switchover'
import { describe, expect, it } from 'vitest'
import { headOf } from '../../src/engine/client/http1/head-of.js'
import { LiveFacts } from '../../src/engine/read-facts.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeWith, startEngine, startServer } from '../support/live-engine.js'

/** An engine before a server that keeps the targets it was asked for. */
async function startRecording(path = '') {
  const seen: string[] = []
  const server = await startServer((req, res) => {
    seen.push(`${req.headers.host} ${req.url}`)
    res.end('ok')
  })
  const paths: string[] = []
  const hosts: string[] = []
  const look: MatcherFactory = () => (facts) => {
    paths.push(facts.path)
    hosts.push(facts.host)
    return true
  }
  const config = routeWith({ rule: 'Look:x' }, `${server.url}${path}`)
  return { ...(await startEngine(config, { matchers: { Look: look } })), seen, paths, hosts }
}

async function send(port: number, ...lines: string[]): Promise<string> {
  const client = await openRaw(port)
  client.sendHead(...lines, 'Connection: close')
  return client.untilClosed()
}

describe('a request that cannot be forwarded', () => {
  it.each([
    ['a byte over 0x7F in the target', 'GET /\xe4 HTTP/1.1', 'Host: a'],
    ['UTF-8 in the target', 'GET /\xc3\xa4 HTTP/1.1', 'Host: a'],
    ['UTF-8 in the query', 'GET /?q=\xc3\xa4 HTTP/1.1', 'Host: a'],
    ['a fragment', 'GET /x#y HTTP/1.1', 'Host: a'],
    ['a space in the target', 'GET /a b HTTP/1.1', 'Host: a'],
    ['a control character in the target', 'GET /a\x01b HTTP/1.1', 'Host: a'],
    ['an asterisk for another method', 'GET * HTTP/1.1', 'Host: a'],
    ['a target of another scheme', 'GET ftp://a/ HTTP/1.1', 'Host: a'],
    ['a target with a user in it', 'GET http://user:pass@a/ HTTP/1.1', 'Host: a'],
    ['a space in the host', 'GET / HTTP/1.1', 'Host: a b'],
    ['a slash in the host', 'GET / HTTP/1.1', 'Host: a/b'],
    ['a user in the host', 'GET / HTTP/1.1', 'Host: user@a'],
    ['a byte over 0x7F in the host', 'GET / HTTP/1.1', 'Host: \xe4.test'],
    ['a port that is none', 'GET / HTTP/1.1', 'Host: a:8o'],
    ['a second colon in the host', 'GET / HTTP/1.1', 'Host: a:80:80'],
    ['an open bracket', 'GET / HTTP/1.1', 'Host: [::1'],
    ['no host', 'GET / HTTP/1.1', 'X-Host: a'],
    [
      'both Content-Length and Transfer-Encoding',
      'POST / HTTP/1.1',
      'Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
    ],
  ])('because of %s gets 400 and reaches no server', async (_, line, host) => {
    const { port, seen } = await startRecording()
    expect(await send(port, line, host)).toMatch(/^HTTP\/1\.1 400 /)
    expect(seen).toEqual([])
  })
})

describe('the target', () => {
  it.each([
    ['/%61dmin', '/admin'],
    ['/x/../admin', '/admin'],
    ['/x/%2e%2E/admin', '/admin'],
    ['/../../admin/.', '/admin/'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%2fb', '/a%2Fb'],
    ['/a//b', '/a//b'],
    ['//a', '//a'],
    ['/a;b=c', '/a;b=c'],
    ['/%7Euser', '/~user'],
    ['/%', '/%'],
    ['/%2561', '/%2561'],
    ['/?a=/../%61', '/?a=/../%61'],
    ['/?', '/?'],
    ['/a?b?c', '/a?b?c'],
  ])('%s is %s for rules and servers', async (target, normal) => {
    const { port, seen, paths } = await startRecording()
    await send(port, `GET ${target} HTTP/1.1`, 'Host: a')
    expect(seen).toEqual([`a ${normal}`])
    expect(paths).toEqual([normal.split('?')[0]])
  })

  it('is put behind the path of the server', async () => {
    const { port, seen } = await startRecording('/base/')
    await httpGet({ port, host: 'a', path: '/x?y=1' })
    await httpGet({ port, host: 'a', path: '/../x' })
    expect(seen).toEqual(['a /base/x?y=1', 'a /base/x'])
  })

  it.each([
    ['http://b.test/x?y', 'b.test /x?y'],
    ['http://B.test:81', 'B.test:81 /'],
    ['HTTP://b.test?q', 'b.test /?q'],
    ['https://b.test/%61/..', 'b.test /'],
  ])('in its absolute form (%s) wins over Host', async (target, seenAs) => {
    const { port, seen, hosts } = await startRecording()
    await send(port, `GET ${target} HTTP/1.1`, 'Host: a.test')
    expect(seen).toEqual([seenAs])
    expect(hosts).toEqual(['b.test'])
  })

  it('needs no host in HTTP/1.0, whose server gets its own', async () => {
    const { port, seen } = await startRecording()
    expect(await send(port, 'GET /old HTTP/1.0')).toMatch(/^HTTP\/1\.1 200 .*ok$/s)
    expect(seen).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+ \/old$/)])
  })
})

describe('facts', () => {
  function factsOf(req: Partial<IncomingMessage>, entryPoint?: string): LiveFacts {
    const whole = { url: '/', method: 'GET', headers: {}, rawHeaders: [], socket: {}, ...req }
    return new LiveFacts(
      headOf(whole as unknown as IncomingMessage),
      '192.0.2.1',
      '10.0.0.1',
      false,
      entryPoint,
    )
  }

  it('are what the request says, in normal form', () => {
    const facts = factsOf({ url: '/%61?b=%63', method: 'PUT', headers: { host: 'WWW.A.test.:8080' } }, 'web')
    expect(facts).toMatchObject({
      method: 'PUT',
      host: 'www.a.test',
      path: '/a',
      query: 'b=%63',
      target: '/a?b=%63',
      authority: 'WWW.A.test.:8080',
      clientAddress: '192.0.2.1',
      entryPoint: 'web',
    })
    expect(factsOf({ headers: { host: '[2001:DB8::1]:443' } }).host).toBe('[2001:db8::1]')
  })

  it.each(['/\xe4', '/a b', '/a\x01', '/x#y', '/?q=\xe4', '/\x7f', '*', ''])(
    'refuse the target %j, whoever let it through',
    (url) => {
      expect(() => factsOf({ url, headers: { host: 'a' } })).toThrow(
        expect.objectContaining({ code: 'PROXY_BAD_REQUEST', status: 400 }),
      )
    },
  )

  it('gather headers by lower-case name, several lines as several values', () => {
    const rawHeaders = ['X-A', '1', 'x-b', '2', 'x-A', '3', 'X-a', '4', '__proto__', 'data']
    const { headers } = factsOf({ rawHeaders })
    expect(Object.entries(headers)).toEqual([
      ['x-a', ['1', '3', '4']],
      ['x-b', '2'],
      ['__proto__', 'data'],
    ])
  })
})
