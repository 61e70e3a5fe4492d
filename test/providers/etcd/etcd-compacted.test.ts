import {
  createProxy,
  EtcdAliasProvider,
  EtcdPrefixFetcher,
  EtcdProvider,
  type EtcdProviderOptions,
  type ProviderConfig,
} from 'switchover'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { EtcdReader } from '../../../src/providers/etcd/etcd-reader.js'
import { call } from '../../support/etcd-gateway.js'
import { keysOf, putAll } from '../../support/etcd-keys.js'
import { EtcdServer } from '../../support/etcd-server.js'
import { nextEvent } from '../../support/next-event.js'
import { RecordingSink } from '../../support/recording-sink.js'

/** More compactions in a row than a read makes up for at once. */
const SEVERAL = 8

/** More keys than two pages hold. */
const FILLING = 10_001

let etcd: EtcdServer
let places = 0

beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

/** Told before each read: the keys that it asks for, and whether that is at a revision of its own. */
let beforeRead: (keys: readonly string[], isPinned: boolean) => Promise<void> | undefined
/** Told after each read of a range, before its reader gets the answer. */
let afterRead: (key: string) => Promise<void> | undefined

beforeEach(() => {
  beforeRead = () => undefined
  afterRead = () => undefined
  const { range, ranges } = EtcdReader.prototype
  const spies = [
    vi.spyOn(EtcdReader.prototype, 'range').mockImplementation(async function (this: EtcdReader, request) {
      await beforeRead([String(request.key)], request.revision !== undefined)
      const answer = await range.call(this, request)
      await afterRead(String(request.key))
      return answer
    }),
    vi.spyOn(EtcdReader.prototype, 'ranges').mockImplementation(async function (this: EtcdReader, requests) {
      await beforeRead(
        requests.map(({ key }) => String(key)),
        requests[0]?.revision !== undefined,
      )
      return ranges.call(this, requests)
    }),
  ]
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
})

function document(url: string): ProviderConfig {
  return {
    frontends: { web: { backend: 'web', routes: { main: { rule: 'Host:a.test' } } } },
    backends: { web: { servers: { one: { url } } } },
  }
}

/** A version of three pages. */
async function putVersion(prefix: string, url: string): Promise<void> {
  const filling = Array.from({ length: FILLING }, (_, at) => [`${prefix}/comment/${at}`, ''] as const)
  await putAll(etcd, { ...keysOf(document(url), prefix), ...Object.fromEntries(filling) })
}

/** Drops all that was written so far, but what is newest. */
async function compact(): Promise<void> {
  const revision = await etcd.put('/elsewhere', 'x')
  await call(etcd.port, '/v3/kv/compaction', { revision })
}

/** Compacts before each read that fits, so many times. @returns how often it did */
function compactBefore(fits: (keys: readonly string[]) => boolean, times: number): () => number {
  let done = 0
  beforeRead = async (keys, isPinned) => {
    if (!isPinned || done >= times || !fits(keys)) return
    done += 1
    await compact()
  }
  return () => done
}

async function follow(prefix: string, options: Partial<EtcdProviderOptions> = {}) {
  const provider = new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 5, ...options })
  const sink = new RecordingSink()
  onTestFinished(() => provider.stop())
  await provider.start(sink)
  return { provider, sink }
}

const urlOf = (config: ProviderConfig | undefined) => config?.backends['web']?.servers['one']?.url

const serves = (sink: RecordingSink, url: string) =>
  sink.until(url, (all) => urlOf(all.of('update').at(-1)?.config) === url, 30_000)

/** Reads of a tree, by where they begin. The first key of a page is the one right after the last of the page before. */
const PLACES: Readonly<Record<string, (prefix: string) => (keys: readonly string[]) => boolean>> = {
  'the first page':
    (prefix) =>
    ([key]) =>
      key === `${prefix}/`,
  'a page in the middle':
    (prefix) =>
    ([key = '']) =>
      key.startsWith(`${prefix}/comment/`) && key < `${prefix}/comment/6`,
  'the last page':
    (prefix) =>
    ([key = '']) =>
      key > `${prefix}/comment/6` && key.startsWith(`${prefix}/`),
}

describe('a revision that is compacted before it is read to the end is no outage', () => {
  describe.each([1, SEVERAL])('%d in a row', (times) => {
    it.each(Object.entries(PLACES))('EtcdProvider, without an alias: %s', async (_, placeIn) => {
      const prefix = `/plain-${++places}`
      await putVersion(prefix, 'http://a:1')
      const done = compactBefore(placeIn(prefix), times)
      const { sink } = await follow(prefix)
      await serves(sink, 'http://a:1')
      expect(done()).toBe(times)
      expect(sink.of('unavailable')).toEqual([])
    })

    it.each(Object.entries(PLACES))('EtcdProvider, at a flip: %s', async (_, placeIn) => {
      const root = `/flip-${++places}`
      await putAll(etcd, keysOf(document('http://a:1'), `${root}/v1`))
      await putVersion(`${root}/v2`, 'http://a:2')
      await etcd.put(`${root}/alias`, `${root}/v1`)
      const { sink } = await follow(root)
      await serves(sink, 'http://a:1')
      const done = compactBefore(placeIn(`${root}/v2`), times)
      await etcd.put(`${root}/alias`, `${root}/v2`)
      await serves(sink, 'http://a:2')
      expect(done()).toBe(times)
      expect(sink.of('unavailable')).toEqual([])
    })

    it.each(Object.entries(PLACES))(
      'EtcdProvider, at a change of a tree that is followed: %s',
      async (_, placeIn) => {
        const root = `/followed-${++places}`
        await putVersion(`${root}/v1`, 'http://a:1')
        await etcd.put(`${root}/alias`, `${root}/v1`)
        const { sink } = await follow(root, { followTarget: true })
        await serves(sink, 'http://a:1')
        const done = compactBefore(placeIn(`${root}/v1`), times)
        await etcd.put(`${root}/v1/backends/web/servers/one/url`, 'http://a:2')
        await serves(sink, 'http://a:2')
        expect(done()).toBe(times)
        expect(sink.of('unavailable')).toEqual([])
      },
    )

    const BESIDE: Readonly<Record<string, (root: string) => (keys: readonly string[]) => boolean>> = {
      'their names': (root) => (keys) =>
        keys.some((key) => /^\/[^/]+\/[A-Z]/.test(key)) && keys[0] !== `${root}/`,
      'a value':
        (root) =>
        ([key]) =>
          key === `${root}/entrypoints`,
      'a tree':
        (root) =>
        ([key]) =>
          key === `${root}/entrypoints/`,
    }
    it.each(Object.entries(BESIDE))('static keys beside an alias, at a flip: %s', async (_, keysOfRoot) => {
      const root = `/beside-${++places}`
      for (const at of [1, 2]) await putAll(etcd, keysOf(document(`http://a:${at}`), `${root}/v${at}`))
      await putAll(etcd, { [`${root}/alias`]: `${root}/v1`, [`${root}/entrypoints/http/address`]: ':80' })
      const { sink } = await follow(root)
      await serves(sink, 'http://a:1')
      const done = compactBefore(keysOfRoot(root), times)
      await etcd.put(`${root}/alias`, `${root}/v2`)
      await serves(sink, 'http://a:2')
      expect(done()).toBe(times)
      expect(sink.of('unavailable')).toEqual([])
    })

    it.each(Object.entries(BESIDE))(
      'static keys beside an alias, when one is written: %s',
      async (_, keysOfRoot) => {
        const root = `/written-${++places}`
        await putAll(etcd, keysOf(document('http://a:1'), `${root}/v1`))
        await putAll(etcd, { [`${root}/alias`]: `${root}/v1`, [`${root}/entrypoints/http/address`]: ':80' })
        const { sink } = await follow(root)
        await serves(sink, 'http://a:1')
        const done = compactBefore(keysOfRoot(root), times)
        await etcd.put(`${root}/entrypoints/http/whitelist/sourcerange`, '10.0.0.0/8')
        await sink.until('a refusal', (all) => all.of('reject').length + all.of('update').length > 1, 30_000)
        expect(done()).toBe(times)
        expect(sink.of('unavailable')).toEqual([])
      },
    )

    it.each(Object.entries(PLACES).slice(1))('EtcdPrefixFetcher: %s', async (_, placeIn) => {
      const prefix = `/fetched-${++places}`
      await putVersion(prefix, 'http://a:1')
      const done = compactBefore(placeIn(prefix), times)
      const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url })
      const { signal } = new AbortController()
      expect(urlOf(await fetcher.fetch(prefix, { signal }))).toBe('http://a:1')
      expect(done()).toBe(times)
    })

    it('EtcdPrefixFetcher behind an alias, in a proxy', async () => {
      const prefix = `/behind-${++places}`
      await putVersion(`${prefix}/v1`, 'http://a:1')
      await etcd.put(`${prefix}/alias`, `${prefix}/v1`)
      const done = compactBefore(PLACES['the last page']!(`${prefix}/v1`), times)
      const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url })
      const provider = new EtcdAliasProvider({ hosts: etcd.url, aliasKey: `${prefix}/alias`, fetcher })
      const proxy = createProxy({ providers: [provider] })
      onTestFinished(() => proxy.close({ drainMs: 0 }))
      const troubles: Error[] = []
      proxy.on('providerUnavailable', ({ error }) => troubles.push(error))
      const changed = nextEvent(proxy, 'configChanged', () => true, 30_000)
      await proxy.start()
      await changed
      expect(done()).toBe(times)
      expect(troubles).toEqual([])
    })
  })

  it('between a read and the watches that begin there', async () => {
    const root = `/watched-${++places}`
    await putAll(etcd, keysOf(document('http://a:1'), `${root}/v1`))
    await putAll(etcd, { [`${root}/alias`]: `${root}/v1`, [`${root}/entrypoints/http/address`]: ':80' })
    let isWritten = false
    afterRead = async (key) => {
      if (isWritten || key !== `${root}/v1/`) return
      isWritten = true
      await etcd.put(`${root}/v1/backends/web/servers/one/url`, 'http://a:2')
      await compact()
    }
    const { sink } = await follow(root, { followTarget: true })
    await serves(sink, 'http://a:2')
    expect(sink.of('unavailable')).toEqual([])
  })
})

describe('a store that is compacted during every read', () => {
  it('is told as an outage after twenty tries, and served once that ends', async () => {
    const prefix = `/always-${++places}`
    await putAll(etcd, keysOf(document('http://a:1'), prefix))
    const done = compactBefore(PLACES['the first page']!(prefix), 20)
    const { sink } = await follow(prefix)
    await serves(sink, 'http://a:1')
    expect(done()).toBe(20)
    expect(sink.of('unavailable').map(({ error }) => error)).toMatchObject([
      {
        code: 'PROXY_CONFIG_UNREACHABLE',
        message: 'etcd: 20 consecutive reads failed, because etcd compacted the revision that was being read',
      },
    ])
    expect(sink.isUnavailable).toBe(false)
  })

  it('is left at once when the provider is stopped', async () => {
    const prefix = `/stopped-${++places}`
    await putAll(etcd, keysOf(document('http://a:1'), prefix))
    let resolve = () => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    const done = compactBefore(PLACES['the first page']!(prefix), Number.POSITIVE_INFINITY)
    const compacting = beforeRead
    beforeRead = async (...about) => {
      await compacting(...about)
      if (done() === SEVERAL) resolve()
    }
    const { provider, sink } = await follow(prefix)
    await promise
    await provider.stop()
    expect(sink.said).toEqual([])
  })
})
