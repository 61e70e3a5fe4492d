import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { type EngineOptions, ProxyEngine } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../../support/etcd-tls.js'
import { openRaw, routeTo, startEngine, startServer } from '../../support/live-engine.js'

const TRUSTING = { trustedProxies: ['127.0.0.1'] }
const NAMES = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
  'forwarded',
]

/** A server that keeps the forwarding headers that it gets; a list of two is two fields. */
async function startRecording() {
  const seen: Record<string, string | string[]>[] = []
  const server = await startServer((req, res) => {
    const { headersDistinct } = req
    seen.push(
      Object.fromEntries(
        NAMES.flatMap((name) => {
          const [only, ...more] = headersDistinct[name] ?? []
          return only === undefined ? [] : [[name, more.length === 0 ? only : [only, ...more]]]
        }),
      ),
    )
    res.end('ok')
  })
  return { server, seen }
}

/** What a server is told of a request with these lines, without the id of this proxy. */
async function toldOf(lines: string[], options: EngineOptions = TRUSTING, host = 'a.test') {
  const { server, seen } = await startRecording()
  const { port } = await startEngine(routeTo(server), options)
  const client = await openRaw(port)
  client.sendHead('GET / HTTP/1.1', `Host: ${host}`, ...lines, 'Connection: close')
  expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200 /)
  const [told = {}] = seen
  if (typeof told['forwarded'] === 'string')
    told['forwarded'] = told['forwarded'].replace(/_switchover-[0-9a-f]{8}/, '_ID')
  return told
}

describe('X-Forwarded-Proto of a trusted proxy', () => {
  it.each([
    [['https'], 'https', '443'],
    [['HTTPS'], 'https', '443'],
    [['Http'], 'http', '80'],
    [['https, http'], 'https', '443'],
    [['http,https'], 'http', '80'],
    [[' , HTTPS , http'], 'https', '443'],
    [['https', 'http'], 'https', '443'],
    [['wss'], 'wss', '443'],
    [['WS'], 'ws', '80'],
    // Neither is a fact: the scheme of the connection to us counts.
    [['ftp'], 'http', '80'],
    [['https;x=1'], 'http', '80'],
    [['"https"'], 'http', '80'],
    [['https http'], 'http', '80'],
    [['\xa0https'], 'http', '80'],
    [['javascript, https'], 'http', '80'],
    [[''], 'http', '80'],
    [[','], 'http', '80'],
    [['__proto__'], 'http', '80'],
  ])('%j is %s, and its port %s', async (values, proto, port) => {
    const lines = values.map((value) => `X-Forwarded-Proto: ${value}`)
    expect(await toldOf(lines)).toMatchObject({ 'x-forwarded-proto': proto, 'x-forwarded-port': port })
    const { forwarded } = await toldOf(lines, { ...TRUSTING, forwardedHeader: true })
    expect(forwarded).toBe(`for=127.0.0.1;by=_ID;host="a.test";proto=${proto}`)
  })

  it.each([
    ['https', 'X-Forwarded-Proto: ftp'],
    ['https', 'X-Accept: x'],
    ['http', 'X-Forwarded-Proto: HTTP'],
  ])('is %s for one that came over TLS and said %s', async (proto, line) => {
    const { server, seen } = await startRecording()
    const engine = new ProxyEngine(TRUSTING)
    onTestFinished(() => engine.close())
    await engine.apply(routeTo(server))
    const front = createServer(await (await Authority.create('front')).sign(), engine.handler)
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void front.close())
    const { port } = front.address() as AddressInfo
    await new Promise<void>((resolve, reject) => {
      const client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        client.write(`GET / HTTP/1.1\r\nHost: a\r\n${line}\r\nConnection: close\r\n\r\n`),
      )
      client.resume().on('error', reject).on('close', resolve)
    })
    expect(seen).toMatchObject([{ 'x-forwarded-proto': proto }])
  })
})

describe('X-Forwarded-Host and -Port of a trusted proxy', () => {
  it.each([
    [['X-Forwarded-Host: b.test:8443, c.test:1'], 'b.test:8443', '8443'],
    [['X-Forwarded-Host: [2001:db8::1]'], '[2001:db8::1]', '80'],
    [['X-Forwarded-Host: b.test', 'X-Forwarded-Host: c.test'], 'b.test', '80'],
    [['X-Forwarded-Host: b"test', 'X-Forwarded-Port: 444'], 'a.test', '444'],
    [['X-Forwarded-Host: ,', 'X-Forwarded-Port: 443, 80'], 'a.test', '443'],
    [['X-Forwarded-Port: 0'], 'a.test', '80'],
    [['X-Forwarded-Port: 65536', 'X-Forwarded-Proto: https'], 'a.test', '443'],
    [['X-Forwarded-Port: x, 443'], 'a.test', '80'],
  ])('%j are %s and %s', async (lines, host, port) => {
    expect(await toldOf(lines)).toMatchObject({ 'x-forwarded-host': host, 'x-forwarded-port': port })
  })
})

describe('the chain of a trusted proxy', () => {
  it.each([
    ['203.0.113.7:41234', '203.0.113.7:41234, 127.0.0.1', '203.0.113.7'],
    [' , 203.0.113.7,, ', '203.0.113.7, 127.0.0.1', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1, 127.0.0.1', 'fe80::1'],
    ['[2001:DB8::1%25x]:80', '[2001:DB8::1]:80, 127.0.0.1', '2001:db8::1'],
    ['::ffff:203.0.113.7', '::ffff:203.0.113.7, 127.0.0.1', '203.0.113.7'],
    [',', '127.0.0.1', '127.0.0.1'],
    ['_x', '_x, 127.0.0.1', undefined],
  ])('%j goes on as %j, from %s', async (chain, goesOn, client) => {
    const told = await toldOf([`X-Forwarded-For: ${chain}`])
    expect([told['x-forwarded-for'], told['x-real-ip']]).toEqual([goesOn, client])
  })

  it.each([
    [['X-Forwarded-For: 203.0.113.7:1, unknown'], 'for=203.0.113.7, for=unknown'],
    [
      ['X-Forwarded-For: 6.6.6.6', 'Forwarded: for="[2001:db8::1]";proto=https'],
      'for="[2001:db8::1]";proto=https',
    ],
    [['Forwarded: for=a', 'Forwarded: for=b'], 'for=a, for=b'],
    [['forwarded: for=a', 'Connection: Forwarded'], 'for=a'],
    [['Forwarded: for=a b', 'X-Forwarded-For: 203.0.113.7'], 'for=203.0.113.7'],
    [['Forwarded: proto="x'], ''],
    [[], ''],
  ])('%j goes on in one Forwarded behind which our hop stands', async (lines, before) => {
    const { forwarded } = await toldOf(lines, { ...TRUSTING, forwardedHeader: true })
    const ours = 'for=127.0.0.1;by=_ID;host="a.test";proto=http'
    expect(forwarded).toBe(before === '' ? ours : `${before}, ${ours}`)
  })

  it('of a stranger does not go on', async () => {
    const lines = [
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Proto: https',
      'Forwarded: for=6.6.6.6;proto=https',
    ]
    const told = await toldOf(lines, { forwardedHeader: true })
    expect(told).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      forwarded: 'for=127.0.0.1;by=_ID;host="a.test";proto=http',
    })
  })
})
