import { readFileSync } from 'node:fs'
import { ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { CREDENTIAL_SERVICES } from '../../../src/engine/upstream/credential-services.js'
import { UpstreamNetworks } from '../../../src/engine/upstream/upstream-networks.js'
import { httpGet } from '../../support/http-get.js'
import { routeTo, startEngine, startNamed } from '../../support/live-engine.js'

describe('the networks of servers', () => {
  // The test only asks the class. It never connects to one of these addresses.
  it.each([
    '169.254.169.254',
    '169.254.1.1',
    '169.254.170.2',
    '169.254.170.23',
    '169.254.0.23',
    '169.254.42.42',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    'fe80::1',
    'fe80::a9fe:a9fe',
    'fd00:ec2::23',
    'fd00:ec2::254',
    'fd00:ec2::253',
    'fd00:ec2::123',
    'FD00:0EC2:0:0::0254',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
    'fd00:a9fe:a9fe::1',
    'fd00:100::100:200',
  ])('leave out %s unless it is asked for', (address) => {
    expect(new UpstreamNetworks().flawOf(address)?.code).toBe('PROXY_SERVER_FORBIDDEN')
    expect(new UpstreamNetworks(['0.0.0.0/0', '::/0']).flawOf(address)).toBeUndefined()
  })

  it.each([
    ['169.254.169.254', 'a9fe', 'a9fe', '5601:5601'],
    ['169.254.170.2', 'a9fe', 'aa02', '5601:55fd'],
    ['100.100.100.200', '6464', '64c8', '9b9b:9b37'],
    ['168.63.129.16', 'a83f', '8110', '57c0:7eef'],
  ])('leave out every IPv6 address that holds %s', (dotted, high, low, turned) => {
    const [a, b, c, d] = [high.slice(0, 2), high.slice(2), low.slice(0, 2), low.slice(2)]
    const holding = [
      `::ffff:${dotted}`,
      `::ffff:${high}:${low}`,
      `::${dotted}`,
      `::${high}:${low}`,
      `::ffff:0:${high}:${low}`,
      `64:ff9b::${high}:${low}`,
      `64:ff9b::${dotted}`,
      // NAT64 (RFC 6052, 2.2) with the prefix of RFC 8215, at lengths 48, 56, 64 and 96.
      `64:ff9b:1:${high}:${c}:${d}00::`,
      `64:ff9b:1:aa${a}:${b}:${c}${d}::`,
      `64:ff9b:1:aaaa:${a}:${b}${c}:${d}00:0`,
      `64:ff9b:1::${high}:${low}`,
      `64:ff9b:1:fffe::${high}:${low}`,
      `2002:${high}:${low}::`,
      `2002:${high}:${low}:1::1`,
      `2001:0:${high}:${low}:8000:63bf:3fff:fdd2`,
      `2001:0:4136:e378:8000:63bf:${turned}`,
      `2001:db8::5efe:${high}:${low}`,
      `2001:db8::200:5efe:${high}:${low}`,
      // Any network may be a NAT64 prefix. Its length is 32, 40, 48, 56, 64 or 96.
      `2001:db8:${high}:${low}::`,
      `2001:db8:1${a}:${b}${c}:${d}::`,
      `2001:db8:122:${high}:${c}:${d}00::`,
      `2001:db8:122:3${a}:${b}:${c}${d}::`,
      `2001:db8:122:344:${a}:${b}${c}:${d}00:0`,
      `2001:db8:122:344::${high}:${low}`,
    ]
    const open = new UpstreamNetworks()
    expect(holding.filter((address) => open.flawOf(address)?.code !== 'PROXY_SERVER_FORBIDDEN')).toEqual([])
  })

  it('let what only looks like one be', () => {
    const ordinary = ['64:ff9b::a00:1', '64:ff9b:1::a00:1', '2002:a00:1::1', '2001:0:a00:1::f5ff:fffe']
    const near = ['2001:db8::a9fe:1', '2001:db8::a9fe:a9fd', 'fd00:ec3::254', 'fd20:ce::253', '168.63.129.17']
    const open = new UpstreamNetworks()
    expect([...ordinary, ...near, '::', '::1'].filter((address) => open.flawOf(address))).toEqual([])
  })

  it('leave out an address with a zone: it is link-local, whatever it looks like', () => {
    expect(new UpstreamNetworks().flawOf('fe80::1%eth0')?.code).toBe('PROXY_SERVER_FORBIDDEN')
    expect(new UpstreamNetworks().flawOf('2001:db8::1%eth0')?.code).toBe('PROXY_SERVER_FORBIDDEN')
  })

  it('leave out of what a name leads to the addresses of credential services', async () => {
    const led = (...found: string[]) =>
      new Promise<unknown>((resolve) => {
        const addresses = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
        const networks = new UpstreamNetworks(undefined, (_, __, callback) => callback(null, addresses))
        networks.lookup('metadata.google.internal', { all: true }, (error, all) => resolve(error ?? all))
      })
    expect(await led('169.254.169.254', 'fd20:ce::254')).toMatchObject({ code: 'PROXY_SERVER_FORBIDDEN' })
    expect(await led('64:ff9b:1::a9fe:a9fe', '10.0.0.1')).toEqual([{ address: '10.0.0.1', family: 4 }])
  })

  it('are those that docs/limits.md lists', () => {
    const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
    const [, table = ''] = /## Credential services([\s\S]*?)\n## /.exec(page) ?? []
    for (const { range } of CREDENTIAL_SERVICES)
      expect(table).toContain(
        `\`${range.replace(/\/(32|128)$/, (length) => (range.startsWith('fd00:ec2') ? length : ''))}\``,
      )
  })

  it.each(['127.0.0.1', '10.0.0.1', '::1', '8.8.8.8', 'localhost'])('let %s be by default', (address) => {
    expect(new UpstreamNetworks().flawOf(address)).toBeUndefined()
  })

  it('refuse a range that is none, by its place', () => {
    expect(() => new UpstreamNetworks(['10.0.0.0/8', 'ten'])).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining('upstreamNetworks[1]'),
      }),
    )
  })

  it('refuse a mapped range that is wider than all of IPv4, and say what was meant', () => {
    expect(() => new UpstreamNetworks(['::ffff:10.0.0.0/8'])).toThrow(
      /^limits\.upstreamNetworks\[0\]: .*write "10\.0\.0\.0\/8" or "::ffff:10\.0\.0\.0\/104"/,
    )
  })

  it('look at every address that a name leads to', async () => {
    const look = (networks: UpstreamNetworks, all: boolean) =>
      new Promise<unknown>((resolve) =>
        networks.lookup('localhost', { all }, (error, address) => resolve(error ?? address)),
      )
    expect(await look(new UpstreamNetworks(['127.0.0.0/8']), false)).toBe('127.0.0.1')
    expect(await look(new UpstreamNetworks(['127.0.0.0/8']), true)).toEqual([
      { address: '127.0.0.1', family: 4 },
    ])
    const refused = await look(new UpstreamNetworks(['10.0.0.0/8']), true)
    expect(refused).toBeInstanceOf(ProxyError)
    expect((refused as ProxyError).message).toMatch(/^localhost \(.*127\.0\.0\.1.*\) is in no network/)
  })

  it.each(['127.0.0.1', 'localhost'])('hold for requests to %s', async (host) => {
    const server = await startNamed('s')
    const route = routeTo(`http://${host}:${server.port}`)
    const allowed = await startEngine(route, { limits: { upstreamNetworks: ['127.0.0.0/8', '::1/128'] } })
    expect(await httpGet(allowed)).toMatchObject({ status: 200 })
    const { port } = await startEngine(route, { limits: { upstreamNetworks: ['10.0.0.0/8'] } })
    expect(await httpGet({ port })).toMatchObject({
      status: 502,
      body: expect.stringContaining('PROXY_SERVER_FORBIDDEN'),
    })
  })
})
