import { ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { UpstreamNetworks } from '../../src/engine/upstream-networks.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startNamed } from './live-engine.js'

describe('the networks of servers', () => {
  it.each([
    '169.254.169.254',
    '169.254.1.1',
    'fe80::1',
    'fd00:ec2::254',
    '100.100.100.200',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
  ])('leave out %s unless it is asked for', (address) => {
    expect(new UpstreamNetworks().flawOf(address)?.code).toBe('PROXY_SERVER_FORBIDDEN')
    expect(new UpstreamNetworks(['0.0.0.0/0', '::/0']).flawOf(address)).toBeUndefined()
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
      /^limits\.upstreamNetworks\[0\]: .*"10\.0\.0\.0\/8" or "::ffff:10\.0\.0\.0\/104" is what was meant/,
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
