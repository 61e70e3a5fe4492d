import { ApiConfigFetcher, EtcdAliasProvider, type EtcdAliasProviderOptions } from 'switchover'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from '../../support/etcd-ports.js'
import { EtcdServer } from '../../support/etcd-server.js'
import { HostileApi, json } from '../../support/hostile-api.js'
import { RecordingSink } from '../../support/recording-sink.js'

const KEY = '/traefik/dev/alias'

let etcd: EtcdServer
let api: HostileApi
const providers: EtcdAliasProvider[] = []

beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

beforeEach(async () => {
  api = await HostileApi.start()
  api.otherwise(
    json({
      frontends: { web: { backend: 'web', rule: 'Host:www.baidu.com' } },
      backends: { web: { servers: { only: { url: 'http://127.0.0.1:9' } } } },
    }),
  )
})
afterEach(async () => {
  for (const provider of providers.splice(0)) await provider.stop()
  await api.close()
  await etcd.delete(KEY)
})

async function follow(options: Partial<EtcdAliasProviderOptions> = {}): Promise<RecordingSink> {
  const sink = new RecordingSink()
  const provider = new EtcdAliasProvider({
    hosts: etcd.url,
    aliasKey: KEY,
    fetcher: new ApiConfigFetcher({ url: api.url }),
    ...options,
  })
  providers.push(provider)
  await provider.start(sink)
  return sink
}

const until = (sink: RecordingSink, version: string) =>
  sink.until(`${version} is delivered`, ({ versions }) => versions.at(-1) === version)

describe('EtcdAliasProvider', () => {
  it('delivers what the alias names, and says how long the watch and the fetch took', async () => {
    await etcd.put(KEY, '/traefik/dev/v1\n')
    const sink = await follow()
    await until(sink, '/traefik/dev/v1')
    expect(Object.keys(sink.of('update')[0]?.about?.steps ?? {})).toEqual(['watch', 'fetch'])
  })

  it('waits for a key that does not exist yet, which is trouble, and follows it once it is written', async () => {
    const sink = await follow()
    await sink.until('an outage is told', ({ isUnavailable }) => isUnavailable)
    expect(sink.of('unavailable')[0]?.error).toMatchObject({ code: 'PROXY_ALIAS_MISSING' })
    await etcd.put(KEY, '/v1')
    await until(sink, '/v1')
    expect(sink.said.map(({ what }) => what)).toEqual(['unavailable', 'recovered', 'update'])
  })

  it('keeps what it delivered when the key is deleted, and follows it when it is written again', async () => {
    await etcd.put(KEY, '/v1')
    const sink = await follow()
    await until(sink, '/v1')
    await etcd.delete(KEY)
    await sink.until('an outage is told', ({ isUnavailable }) => isUnavailable)
    expect(sink.versions).toEqual(['/v1'])
    await etcd.put(KEY, '/v1')
    await sink.until('it is delivered again', ({ versions }) => versions.length === 2)
    expect(sink.isUnavailable).toBe(false)
    expect(sink.outages).toBe(1)
  })

  it('ends on the last of many flips, with no more fetches than flips, and goes back to none before it', async () => {
    await etcd.put(KEY, '/v0')
    const sink = await follow()
    await until(sink, '/v0')
    for (let flip = 1; flip <= 200; flip++) await etcd.put(KEY, `/v${flip}`)
    await until(sink, '/v200')
    const order = sink.versions.map((version) => Number(version?.slice(2)))
    expect(order).toEqual([...new Set(order)].sort((a, b) => a - b))
    expect(api.asked.length).toBeLessThanOrEqual(201)
    expect(sink.outages).toBe(0)
  })

  it('fetches again when the same value is written again', async () => {
    await etcd.put(KEY, '/v1')
    const sink = await follow()
    await until(sink, '/v1')
    await etcd.put(KEY, '/v1')
    await sink.until('it is delivered again', ({ versions }) => versions.length === 2)
    expect(api.timesAsked('/v1')).toBe(2)
  })

  it('starts while etcd is down, and needs nothing but etcd to follow the alias', async () => {
    await etcd.put(KEY, '/v1')
    await etcd.kill()
    const sink = await follow()
    await sink.until('an outage is told', ({ isUnavailable }) => isUnavailable)
    expect(sink.of('unavailable')[0]?.error).toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
    await etcd.restart()
    await until(sink, '/v1')
    await sink.until('it is well again', ({ isUnavailable }) => !isUnavailable)
    expect(sink.outages).toBe(1)
  })

  it('misses no flip that was written while it was away, though etcd compacted it', async () => {
    await etcd.put(KEY, '/v1')
    const sink = await follow()
    await until(sink, '/v1')
    await etcd.kill()
    await sink.until('an outage is told', ({ isUnavailable }) => isUnavailable)
    await etcd.restart()
    await etcd.put(KEY, '/v2')
    const revision = await etcd.put(KEY, '/v3')
    await etcd.etcdctl('compact', String(revision))
    await until(sink, '/v3')
    await sink.until('it is well again', ({ isUnavailable }) => !isUnavailable)
    expect(sink.outages).toBe(1)
  })

  it('follows a store that begins anew at a lower revision', async () => {
    const [clientPort] = await freePorts(1)
    const before = await EtcdServer.start({ clientPort: clientPort! })
    for (let write = 0; write < 20; write++) await before.put(KEY, '/new')
    const sink = await follow({ hosts: before.url })
    await until(sink, '/new')
    await before.stop()
    const after = await EtcdServer.start({ clientPort: clientPort! })
    try {
      await after.put(KEY, '/restored')
      await until(sink, '/restored')
      await after.put(KEY, '/flipped')
      await until(sink, '/flipped')
    } finally {
      await after.stop()
    }
  })

  it('takes values below allowedPrefix alone', async () => {
    await etcd.put(KEY, '/traefik/qas/v1')
    const sink = await follow({ allowedPrefix: '/traefik/dev' })
    await sink.until('it is rejected', ({ said }) => said.length === 1)
    expect(sink.said).toMatchObject([{ what: 'reject', error: { code: 'PROXY_ALIAS_INVALID' } }])
    await etcd.put(KEY, '/traefik/dev/v1')
    await until(sink, '/traefik/dev/v1')
    expect(api.timesAsked('/traefik/qas/v1')).toBe(0)
  })

  it('rejects a value of a megabyte, and is not harmed by it', async () => {
    await etcd.put(KEY, `/${'x'.repeat(1_000_000)}`)
    const sink = await follow()
    await sink.until('it is rejected', ({ said }) => said.length === 1)
    await etcd.put(KEY, '/v1')
    await until(sink, '/v1')
    expect(sink.said.map(({ what }) => what)).toEqual(['reject', 'update'])
  })

  it('is named etcd-alias, refuses empty documents, and takes other wishes', () => {
    const needed = { hosts: etcd.url, aliasKey: KEY, fetcher: new ApiConfigFetcher({ url: api.url }) }
    expect(new EtcdAliasProvider(needed)).toMatchObject({ name: 'etcd-alias', allowEmpty: false })
    expect(new EtcdAliasProvider({ ...needed, name: 'dev', allowEmpty: true })).toMatchObject({
      name: 'dev',
      allowEmpty: true,
    })
    expect(() => new EtcdAliasProvider({ ...needed, aliasKey: '' })).toThrow(/alias key/)
    expect(() => new EtcdAliasProvider({ ...needed, hosts: [] })).toThrow(/hosts: expected at least one/)
  })
})
