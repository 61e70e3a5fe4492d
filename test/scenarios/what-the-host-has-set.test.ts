import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, routeTo, startServer } from '../support/live-engine.js'

type Fields = readonly (readonly [name: string, value: string | number | readonly string[]])[]

/** Lines of the response that a client gets where the host has set fields before `proxy.handler`. */
async function linesOf(
  host: Fields,
  server: OutgoingHttpHeaders | [string, string][],
  { version = '1.1', method = 'GET', path = '/', ...options }: Asked = {},
): Promise<string[]> {
  const { url } = await startServer((_req, res) => {
    res.writeHead(200, Array.isArray(server) ? server.flat() : server).end('ok')
  })
  const proxy = createProxy({ config: routeTo(url), ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const serve = (req: IncomingMessage, res: ServerResponse) => {
    for (const [name, value] of host) res.setHeader(name, value)
    proxy.handler(req, res)
  }
  const front = createServer(serve)
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    front.close()
    front.closeAllConnections()
  })
  const client = await openRaw((front.address() as AddressInfo).port)
  client.sendHead(`${method} ${path} HTTP/${version}`, 'Host: a', 'Connection: close')
  const [head = ''] = (await client.untilClosed()).split('\r\n\r\n')
  return head.split('\r\n').filter((line) => /^(HTTP|set-cookie|vary|link|server-timing|x-)/i.test(line))
}

interface Asked extends Partial<ProxyOptions> {
  readonly version?: '1.0' | '1.1'
  readonly method?: string
  readonly path?: string
}

const OK = 'HTTP/1.1 200 OK'

describe.each(['1.0', '1.1'] as const)('beside a server’s response, for HTTP/%s,', (version) => {
  it.each<[string, Fields, [string, string][], string[]]>([
    [
      'a cookie of each',
      [['Set-Cookie', 'h=1']],
      [['Set-Cookie', 's=2']],
      ['Set-Cookie: h=1', 'Set-Cookie: s=2'],
    ],
    [
      'several cookies, in any case',
      [['set-cookie', ['h=1', 'i=2']]],
      [
        ['SET-COOKIE', 's=3'],
        ['set-cookie', 't=4'],
      ],
      ['set-cookie: h=1', 'set-cookie: i=2', 'set-cookie: s=3', 'set-cookie: t=4'],
    ],
    [
      'a cookie of one name',
      [['Set-Cookie', 'a=h']],
      [['Set-Cookie', 'a=s']],
      ['Set-Cookie: a=h', 'Set-Cookie: a=s'],
    ],
    ['a cookie of the host alone', [['Set-Cookie', 'h=1']], [], ['Set-Cookie: h=1']],
    [
      'what each varies by',
      [['Vary', 'Origin']],
      [['Vary', 'Accept-Encoding']],
      ['Vary: Origin, Accept-Encoding'],
    ],
    [
      'the same that both vary by',
      [['vary', 'Origin, Accept']],
      [['VARY', 'accept,Origin']],
      ['Vary: Origin, Accept'],
    ],
    [
      'several lines of Vary',
      [['Vary', ['A', 'B']]],
      [
        ['Vary', 'b, C'],
        ['Vary', 'D,, a'],
      ],
      ['Vary: A, B, C, D'],
    ],
    ['any, of which one says that it varies by it', [['Vary', '*']], [['Vary', 'Accept']], ['Vary: *']],
    ['any, of which the server says so', [['Vary', 'Accept']], [['Vary', '*']], ['Vary: *']],
    ['Vary of the host alone', [['Vary', 'Origin']], [], ['Vary: Origin']],
    ['Vary of the server alone, as it came', [['X-H', 'h']], [['vary', 'B,  a']], ['X-H: h', 'vary: B,  a']],
    [
      'links and times of each',
      [
        ['Link', '</h.css>; rel=preload'],
        ['Server-Timing', 'host;dur=1'],
      ],
      [
        ['Link', '</s.css>; rel=preload'],
        ['Server-Timing', 'db;dur=2'],
      ],
      [
        'Link: </h.css>; rel=preload',
        'Link: </s.css>; rel=preload',
        'Server-Timing: host;dur=1',
        'Server-Timing: db;dur=2',
      ],
    ],
    [
      'of all else the server’s',
      [['X-Frame-Options', 'DENY']],
      [['x-frame-options', 'SAMEORIGIN']],
      ['x-frame-options: SAMEORIGIN'],
    ],
  ])('%s', async (_what, host, server, lines) => {
    expect(await linesOf(host, server, { version })).toEqual([OK, ...lines])
  })
})

it('the cookie of a sticky session stands beside the host’s', async () => {
  const { url } = await startServer((_req, res) => res.end('ok'))
  const config = routeTo(url)
  const pool = { ...config.backends['pool']!, loadBalancer: { stickiness: { cookieName: 'stay' } } }
  const lines = await linesOf([['Set-Cookie', 'h=1']], [], { config: { ...config, backends: { pool } } })
  expect(lines).toEqual([OK, 'Set-Cookie: h=1', expect.stringMatching(/^Set-Cookie: stay=/)])
})

it('a hook sees and changes the server’s alone', async () => {
  const seen: unknown[] = []
  const lines = await linesOf([['Set-Cookie', 'h=1']], [['Set-Cookie', 's=2']], {
    onResponse: ({ headers }) => {
      seen.push(headers.get('set-cookie'))
      headers.delete('set-cookie')
    },
  })
  expect(seen).toEqual(['s=2'])
  expect(lines).toEqual([OK, 'Set-Cookie: h=1'])
})

describe('on a response that the proxy makes itself', () => {
  const host: Fields = [
    ['Set-Cookie', ['h=1', 'i=2']],
    ['Vary', 'Origin'],
  ]
  const kept = ['Set-Cookie: h=1', 'Set-Cookie: i=2', 'Vary: Origin']
  const none = { frontends: {}, backends: {} }
  const dead = routeTo('http://127.77.0.1:1')
  it.each<[string, string, Asked]>([
    ['404', '404 Not Found', { config: none }],
    ['502', '502 Bad Gateway', { config: dead, retry: { attempts: 1 } }],
    ['405', '405 Method Not Allowed', { method: 'TRACE' }],
    ['OPTIONS *', '204 No Content', { method: 'OPTIONS', path: '*' }],
  ])('all of it stays: %s', async (_what, status, asked) => {
    expect(await linesOf(host, [], asked)).toEqual([`HTTP/1.1 ${status}`, ...kept])
  })

  it('all of it stays: 301 to the other form of a path', async () => {
    const config = {
      ...routeTo('http://127.77.0.1:1'),
      frontends: { all: { backend: 'pool', rule: 'Path:/a/' } },
    }
    const lines = await linesOf(host, [], { config, keepTrailingSlash: false, path: '/a' })
    expect(lines[0]).toMatch(/^HTTP\/1\.1 301 /)
    expect(lines.slice(1)).toEqual(kept)
  })
})
