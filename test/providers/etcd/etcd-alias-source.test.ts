import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { EtcdAliasSource } from '../../../src/providers/etcd/etcd-alias-source.js'
import { freePorts } from '../../support/etcd-ports.js'
import { EtcdServer } from '../../support/etcd-server.js'
import { HostileLink } from '../../support/hostile-link.js'

const KEY = '/traefik/dev/alias'

let etcd: EtcdServer
const sources: EtcdAliasSource[] = []
const links: HostileLink[] = []

beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())
afterEach(async () => {
  vi.useRealTimers()
  for (const source of sources.splice(0)) await source.stop()
  for (const link of links.splice(0)) await link.cut()
  await etcd.delete(KEY)
})

function make(hosts: string | readonly string[] = etcd.url, key = KEY) {
  const source = new EtcdAliasSource({ hosts }, key)
  sources.push(source)
  const watcher = { changed: vi.fn(), unavailable: vi.fn<(error: Error) => void>(), recovered: vi.fn() }
  return { source, watcher, read: () => source.read() }
}

async function linkToEtcd(): Promise<HostileLink> {
  const link = await HostileLink.to(() => etcd.port)
  links.push(link)
  return link
}

const called = (spy: ReturnType<typeof vi.fn>, times = 1) =>
  vi.waitFor(() => expect(spy.mock.calls.length).toBeGreaterThanOrEqual(times), { timeout: 60_000 })

describe('EtcdAliasSource', () => {
  it('rings once it can be read, and has what was written before', async () => {
    await etcd.put(KEY, '/v1')
    const { source, watcher, read } = make()
    await source.watch(watcher)
    await called(watcher.changed)
    expect((await read()).value).toBe('/v1')
    expect(watcher.unavailable).not.toHaveBeenCalled()
  })

  it('rings when the alias is written, and when it is deleted', async () => {
    const { source, watcher, read } = make()
    await source.watch(watcher)
    await called(watcher.changed)
    await etcd.put(KEY, '/v1')
    await called(watcher.changed, 2)
    expect((await read()).value).toBe('/v1')
    await etcd.delete(KEY)
    await called(watcher.changed, 3)
    expect(await read()).not.toHaveProperty('value')
  })

  it('rejects a read while there is no connection', async () => {
    await expect(make().read()).rejects.toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
  })

  it('resolves its watch at once though nothing listens, and tells the trouble', async () => {
    const link = await linkToEtcd()
    await link.cut()
    const { source, watcher } = make(link.url)
    await source.watch(watcher)
    await called(watcher.unavailable, 2)
    expect(watcher.unavailable.mock.calls[0]?.[0]).toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
    expect(watcher.unavailable.mock.calls[0]?.[0].message).toContain('ECONNREFUSED')
    expect(watcher.changed).not.toHaveBeenCalled()
    await etcd.put(KEY, '/v1')
    await link.mend()
    await called(watcher.changed)
    expect((await source.read()).value).toBe('/v1')
    expect(watcher.recovered).toHaveBeenCalled()
  })

  it('comes back by itself when its connections are cut, and rings for what it may have missed', async () => {
    const link = await linkToEtcd()
    const { source, watcher, read } = make(link.url)
    await source.watch(watcher)
    await called(watcher.changed)
    await read()
    watcher.changed.mockClear()
    await link.cut()
    await etcd.put(KEY, '/v2')
    await called(watcher.unavailable)
    await link.mend()
    await called(watcher.changed)
    expect((await read()).value).toBe('/v2')
  })

  it('tries the next host when one cannot be reached', async () => {
    const [port] = await freePorts(1)
    const { source, watcher, read } = make([`http://127.0.0.1:${port}`, etcd.url])
    await etcd.put(KEY, '/v1')
    await source.watch(watcher)
    await called(watcher.changed)
    expect((await read()).value).toBe('/v1')
  })

  it('is well when it was read, not when its watch was acknowledged: a member in the minority does that too', async () => {
    const link = await linkToEtcd()
    await link.cut()
    const { source, watcher, read } = make(link.url)
    await source.watch(watcher)
    await called(watcher.unavailable)
    await link.mend()
    await called(watcher.changed)
    expect(watcher.recovered).not.toHaveBeenCalled()
    await read()
    expect(watcher.recovered).toHaveBeenCalledTimes(1)
  })

  it('rings by itself every 24 to 36 seconds, so that a ring that was lost is made good', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { source, watcher } = make()
    await source.watch(watcher)
    await called(watcher.changed)
    watcher.changed.mockClear()
    vi.advanceTimersByTime(23_999)
    expect(watcher.changed).not.toHaveBeenCalled()
    vi.advanceTimersByTime(12_001)
    expect(watcher.changed).toHaveBeenCalledTimes(1)
  })

  it('rings for nobody after its stop', async () => {
    const { source, watcher } = make()
    await source.watch(watcher)
    await called(watcher.changed)
    await source.stop()
    watcher.changed.mockClear()
    const witness = make()
    await witness.source.watch(witness.watcher)
    await called(witness.watcher.changed)
    await etcd.put(KEY, '/v2')
    await called(witness.watcher.changed, 2)
    expect(watcher.changed).not.toHaveBeenCalled()
    expect(watcher.unavailable).not.toHaveBeenCalled()
    await expect(source.read()).rejects.toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
  })

  it('that was stopped before it was to watch never begins to', async () => {
    const link = await linkToEtcd()
    const intervals = vi.spyOn(globalThis, 'setInterval')
    const { source, watcher } = make(link.url)
    await source.stop()
    await source.watch(watcher)
    const witness = make(link.url)
    await witness.source.watch(witness.watcher)
    await called(witness.watcher.changed)
    expect(watcher.changed).not.toHaveBeenCalled()
    const started = intervals.mock.calls.filter(([, ms]) => Number(ms) >= 24_000 && Number(ms) <= 36_000)
    intervals.mockRestore()
    expect(started).toHaveLength(1)
  })

  it('is refused without a host or a key', () => {
    for (const [hosts, key] of [
      [[], KEY],
      [etcd.url, ''],
    ] as const) {
      expect(() => make(hosts, key)).toThrow(expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }))
    }
  })
})
