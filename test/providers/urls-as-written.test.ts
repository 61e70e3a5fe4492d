import { ApiConfigFetcher, ConsulProvider, EtcdAliasProvider, EtcdProvider, HttpProvider } from 'switchover'
import { describe, expect, it } from 'vitest'

const fetcher = { fetch: async () => ({ frontends: {}, backends: {} }) }

/** Everything that is given the address of a source, with what it says of a wrong one. */
const takers: readonly [string, (host: string) => unknown][] = [
  ['ApiConfigFetcher', (host) => new ApiConfigFetcher({ url: `http://${host}/config` })],
  ['ApiConfigFetcher with {prefix}', (host) => new ApiConfigFetcher({ url: `http://${host}/{prefix}` })],
  [
    'ApiConfigFetcher with two',
    (host) => new ApiConfigFetcher({ url: { frontends: 'http://a.test/f', backends: `http://${host}/b` } }),
  ],
  ['HttpProvider', (host) => new HttpProvider({ url: `http://${host}/document.yaml` })],
  ['ConsulProvider', (host) => new ConsulProvider({ prefix: 'traefik', url: `http://${host}` })],
  ['EtcdProvider', (host) => new EtcdProvider({ prefix: '/traefik', hosts: `http://${host}` })],
  ['EtcdProvider without a scheme', (host) => new EtcdProvider({ prefix: '/traefik', hosts: host })],
  [
    'EtcdAliasProvider',
    (host) => new EtcdAliasProvider({ hosts: ['http://10.0.0.1:2379', host], aliasKey: '/alias', fetcher }),
  ],
]

const flawOf = (make: (host: string) => unknown, host: string): string => {
  try {
    make(host)
  } catch (error) {
    expect(error).toMatchObject({ code: 'PROXY_OPTION_INVALID' })
    return (error as Error).message
  }
  return 'accepted'
}

describe.each(takers)('the address of a source: %s', (_who, make) => {
  it.each([
    ['010.0.0.7:2379', '"010.0.0.7", which is read as "8.0.0.7"'],
    ['10.1:2379', '"10.1", which is read as "10.0.0.1"'],
    ['0x7f000001:2379', '"0x7f000001", which is read as "127.0.0.1"'],
    ['2130706433:2379', '"2130706433", which is read as "127.0.0.1"'],
    ['１０.0.0.1:2379', '"\\uff11\\uff10.0.0.1", which is read as "10.0.0.1"'],
    ['a.test:02379', '"02379", which is read as 2379'],
  ])('is refused as %s, with what it is read as', (host, both) => {
    expect(flawOf(make, host)).toContain(both)
  })

  it.each(['10.0.0.7:2379', 'A.test:80', '[2001:DB8::1]:2379', 'a_b.test:2379'])('may be %s', (host) => {
    expect(flawOf(make, host)).toBe('accepted')
  })
})

describe('a URL that a function makes', () => {
  it('is refused when it is made', async () => {
    const api = new ApiConfigFetcher({ url: () => 'http://127.1:9/config', lagGraceMs: 0 })
    const asked = api.fetch('/v1', { signal: new AbortController().signal })
    await expect(asked).rejects.toMatchObject({
      code: 'PROXY_CONFIG_UNREACHABLE',
      message: expect.stringContaining('"127.1", which is read as "127.0.0.1"'),
    })
  })
})
