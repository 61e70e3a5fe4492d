import { describe, expect, it } from 'vitest'
import { httpGet } from '../../support/http-get.js'
import type { LiveEngine } from '../../support/live-engine.js'
import {
  openRaw,
  routeTo,
  routeWith,
  startEngine,
  startMisbehaving,
  startServer,
} from '../../support/live-engine.js'

/** An engine before a server that keeps what it was sent: names and values in turn. */
async function startRecording(options: Parameters<typeof startEngine>[1] = {}, frontend = {}) {
  const seen: string[][] = []
  const server = await startServer((req, res) => {
    seen.push(req.rawHeaders)
    res.end('ok')
  })
  const live = await startEngine(routeWith(frontend, server), options)
  return { ...live, server, seen }
}

async function sendRaw({ port }: LiveEngine, lines: string[], from = '127.0.0.1'): Promise<string> {
  const client = await openRaw(port, { localAddress: from })
  client.sendHead('GET / HTTP/1.1', ...lines, 'Connection: close')
  return client.untilClosed()
}

function pairs(raw: readonly string[] = []): [name: string, value: string][] {
  const all: [string, string][] = []
  for (let index = 0; index < raw.length; index += 2) all.push([raw[index]!, raw[index + 1]!])
  return all
}

/** The values of a header, in any case and with either dash. */
function valuesOf(raw: readonly string[] | undefined, name: string): string[] {
  return pairs(raw)
    .filter(([key]) => key.toLowerCase().replaceAll('_', '-') === name)
    .map(([, value]) => value)
}

describe('the headers that a server gets', () => {
  it('keep their case, order and number', async () => {
    const live = await startRecording()
    await sendRaw(live, [
      'X-B: 1',
      'Host: a.test',
      'x-a: 2',
      'X-B: 3',
      'COOKIE: k=v',
      'Accept: a',
      'accept: b',
    ])
    const ours = pairs(live.seen[0]).filter(
      ([name]) => !/^(x-forwarded-|x-real-ip|connection|via)/i.test(name),
    )
    expect(ours).toEqual([
      ['host', 'a.test'],
      ['X-B', '1'],
      ['x-a', '2'],
      ['X-B', '3'],
      ['COOKIE', 'k=v'],
      ['Accept', 'a'],
      ['accept', 'b'],
    ])
  })

  it('hold nothing that meant the connection alone, nor what Connection names', async () => {
    const live = await startRecording()
    await sendRaw(live, [
      'Host: a',
      'Connection: X-Private, keep-alive',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic eDp5',
      'TE: trailers',
      'Trailer: X-Sum',
      'X-PRIVATE: secret',
      'X-Public: kept',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
      'Expect: 100-continue',
    ])
    const names = pairs(live.seen[0]).map(([name]) => name.toLowerCase())
    expect(names).toContain('x-public')
    for (const gone of [
      'x-private',
      'keep-alive',
      'proxy-connection',
      'proxy-authorization',
      'te',
      'trailer',
      'http2-settings',
      'expect',
    ]) {
      expect(names).not.toContain(gone)
    }
    expect(valuesOf(live.seen[0], 'connection')).toEqual(['keep-alive'])
  })

  it('cannot be stripped of ours by Connection', async () => {
    const live = await startRecording({ trustedProxies: ['127.0.0.0/8'] })
    await sendRaw(live, [
      'Host: a.test:8080',
      'Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Real-Ip, Host',
      'X-Forwarded-For: 198.51.100.7',
    ])
    const [raw] = live.seen
    expect(valuesOf(raw, 'x-forwarded-for')).toEqual(['198.51.100.7, 127.0.0.1'])
    expect(valuesOf(raw, 'x-forwarded-proto')).toEqual(['http'])
    expect(valuesOf(raw, 'x-forwarded-host')).toEqual(['a.test:8080'])
    expect(valuesOf(raw, 'x-forwarded-port')).toEqual(['8080'])
    expect(valuesOf(raw, 'x-real-ip')).toEqual(['198.51.100.7'])
    expect(valuesOf(raw, 'host')).toEqual(['a.test:8080'])
  })

  it('say who asked and how', async () => {
    const live = await startRecording()
    await httpGet({ port: live.port, host: 'www.a.test', from: '127.0.1.7' })
    const [raw] = live.seen
    expect(valuesOf(raw, 'x-forwarded-for')).toEqual(['127.0.1.7'])
    expect(valuesOf(raw, 'x-forwarded-proto')).toEqual(['http'])
    expect(valuesOf(raw, 'x-forwarded-host')).toEqual(['www.a.test'])
    expect(valuesOf(raw, 'x-forwarded-port')).toEqual(['80'])
    expect(valuesOf(raw, 'x-real-ip')).toEqual(['127.0.1.7'])
  })

  const FORGED = [
    'Host: a.test',
    'X-Forwarded-For: 10.0.0.1',
    'x-forwarded-for: 10.0.0.2',
    'X_Forwarded_For: 10.0.0.3',
    'X-Forwarded_For: 10.0.0.4',
    'X-Forwarded-Proto: https',
    'X_FORWARDED_PROTO: https',
    'X-Forwarded-Host: evil.test',
    'X_Forwarded_Host: evil.test',
    'X-Forwarded-Port: 444',
    'X-Real-IP: 10.0.0.5',
    'X_Real_IP: 10.0.0.6',
    'X-Forwarded-User: root',
    'X_Forwarded_User: root',
    'Forwarded: for=10.0.0.7',
    'X-Forward: kept',
    'Forwarded-Not: kept',
  ]

  it('hold nothing that a stranger forged', async () => {
    const live = await startRecording({ trustedProxies: ['127.0.2.0/24'] })
    await sendRaw(live, FORGED, '127.0.1.7')
    const [raw] = live.seen
    expect(valuesOf(raw, 'x-forwarded-for')).toEqual(['127.0.1.7'])
    expect(valuesOf(raw, 'x-forwarded-proto')).toEqual(['http'])
    expect(valuesOf(raw, 'x-forwarded-host')).toEqual(['a.test'])
    expect(valuesOf(raw, 'x-forwarded-port')).toEqual(['80'])
    expect(valuesOf(raw, 'x-real-ip')).toEqual(['127.0.1.7'])
    expect(valuesOf(raw, 'x-forwarded-user')).toEqual([])
    expect(valuesOf(raw, 'forwarded')).toEqual([])
    expect(valuesOf(raw, 'x-forward')).toEqual(['kept'])
    expect(valuesOf(raw, 'forwarded-not')).toEqual(['kept'])
  })

  it('go on what a trusted proxy said, with it appended', async () => {
    const live = await startRecording({ trustedProxies: ['127.0.2.0/24'] })
    await sendRaw(live, FORGED, '127.0.2.7')
    const [raw] = live.seen
    expect(valuesOf(raw, 'x-forwarded-for')).toEqual(['10.0.0.1, 10.0.0.2, 127.0.2.7'])
    expect(valuesOf(raw, 'x-forwarded-proto')).toEqual(['https'])
    expect(valuesOf(raw, 'x-forwarded-host')).toEqual(['evil.test'])
    expect(valuesOf(raw, 'x-forwarded-port')).toEqual(['444'])
    expect(valuesOf(raw, 'x-real-ip')).toEqual(['10.0.0.2'])
    expect(valuesOf(raw, 'x-forwarded-user')).toEqual(['root'])
    expect(valuesOf(raw, 'forwarded')).toEqual(['for=10.0.0.7'])
  })

  it('name the port of the scheme where the host names none', async () => {
    const live = await startRecording({ trustedProxies: ['127.0.0.0/8'] })
    await sendRaw(live, ['Host: a.test', 'X-Forwarded-Proto: https'])
    expect(valuesOf(live.seen[0], 'x-forwarded-port')).toEqual(['443'])
  })

  it('have no X-Real-Ip where the client address is none', async () => {
    const live = await startRecording({ trustedProxies: ['127.0.0.0/8'] })
    await sendRaw(live, ['Host: a.test', 'X-Forwarded-For: unknown'])
    expect(valuesOf(live.seen[0], 'x-real-ip')).toEqual([])
    expect(valuesOf(live.seen[0], 'x-forwarded-for')).toEqual(['unknown, 127.0.0.1'])
  })

  it('have the Host of the server where passHostHeader is false', async () => {
    const live = await startRecording({}, { passHostHeader: false })
    await sendRaw(live, ['Host: a.test'])
    expect(valuesOf(live.seen[0], 'host')).toEqual([`127.0.0.1:${live.server.port}`])
    expect(valuesOf(live.seen[0], 'x-forwarded-host')).toEqual(['a.test'])
  })

  it('pass on bytes over 0x7F as they came', async () => {
    const server = await startMisbehaving((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nX-Name: \xfc\xff\x80\r\nContent-Length: 0\r\n\r\n', 'latin1'),
    )
    const live = await startEngine(routeTo(server.url))
    const received = await sendRaw(live, ['Host: a', 'X-Name: \xe4\xf6\xff\x80'])
    expect(server.received[0]).toContain('X-Name: \xe4\xf6\xff\x80\r\n')
    expect(received).toContain('X-Name: \xfc\xff\x80\r\n')
  })
})

describe('the headers that a client gets', () => {
  it('keep their case, order and number, and hold nothing that meant the connection alone', async () => {
    const server = await startMisbehaving((socket) =>
      socket.write(
        [
          'HTTP/1.1 200 OK',
          'SET-cookie: a=1; Path=/',
          'X-Second: 2',
          'Set-Cookie: b=2',
          'Connection: X-Private',
          'connection: keep-alive, X-Other',
          'Connection: keep-alive',
          'X-Private: secret',
          'x-other: secret',
          'Keep-Alive: timeout=77',
          'Proxy-Authenticate: Basic',
          'Trailer: X-Sum',
          'Upgrade: h2c',
          'Date: yesterday',
          'set-cookie: a=3',
          'Content-Length: 2',
          '',
          'ok',
        ].join('\r\n'),
      ),
    )
    const received = await sendRaw(await startEngine(routeTo(server.url)), ['Host: a'])
    expect(received).toBe(
      [
        'HTTP/1.1 200 OK',
        'SET-cookie: a=1; Path=/',
        'X-Second: 2',
        'Set-Cookie: b=2',
        'Date: yesterday',
        'set-cookie: a=3',
        'Content-Length: 2',
        'Connection: close',
        '',
        'ok',
      ].join('\r\n'),
    )
  })

  it('stand beside those that a framework has set', async () => {
    const server = await startServer((_req, res) => {
      res.setHeader('Set-Cookie', ['a=1', 'b=2'])
      res.setHeader('X-Powered-By', 'server')
      res.end('ok')
    })
    const { engine } = await startEngine(routeTo(server))
    const front = await startServer((req, res) => {
      res.setHeader('X-Powered-By', 'host')
      res.setHeader('X-Host', 'set')
      engine.handler(req, res)
    })
    const { headers } = await httpGet({ port: front.port })
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(headers['x-powered-by']).toBe('server')
    expect(headers['x-host']).toBe('set')
  })
})
