import {
  createProxy,
  EtcdPrefixFetcher,
  EtcdProvider,
  type EtcdProviderOptions,
  type ProviderConfig,
} from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { EtcdReader } from '../../../src/providers/etcd/etcd-reader.js'
import { keysOf, putAll, writeAtOnce } from '../../support/etcd-keys.js'
import { EtcdServer } from '../../support/etcd-server.js'
import { eventually, nextEvent } from '../../support/next-event.js'
import { RecordingSink } from '../../support/recording-sink.js'

let etcd: EtcdServer
let places = 0

beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

const place = () => `/place-${++places}`

function document(url = 'http://127.0.0.1:9/', count = 1): ProviderConfig {
  const named = (at: number) => `n${at}`
  const all = Array.from({ length: count }, (_, at) => named(at))
  return {
    frontends: Object.fromEntries(
      all.map((name) => [name, { backend: name, routes: { main: { rule: `Host:${name}.test` } } }]),
    ),
    backends: Object.fromEntries(all.map((name) => [name, { servers: { one: { url, weight: 1 } } }])),
  }
}

const keys = (prefix: string, url?: string, count?: number) => keysOf(document(url, count), prefix)

async function follow(prefix: string, options: Partial<EtcdProviderOptions> = {}) {
  const provider = new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 30, ...options })
  const sink = new RecordingSink()
  onTestFinished(() => provider.stop())
  await provider.start(sink)
  return { provider, sink }
}

const delivered = (sink: RecordingSink, count: number) =>
  sink.until(`${count} are delivered`, (all) => all.of('update').length >= count)

const urlOf = (config: ProviderConfig | undefined) => config?.backends['n0']?.servers['one']?.url

/** How many ranges this etcd has read. */
async function reads(): Promise<number> {
  const text = await (await fetch(`${etcd.url}/metrics`)).text()
  const of = (method: string) =>
    Number(new RegExp(`^grpc_server_started_total\\{grpc_method="${method}",.* (\\d+)$`, 'm').exec(text)?.[1])
  return of('Range') + of('Txn')
}

describe('without an alias', () => {
  it('what stands below the prefix is delivered, labelled by its newest revision', async () => {
    const prefix = place()
    const revision = await putAll(etcd, keys(prefix))
    const { sink } = await follow(prefix)
    await delivered(sink, 1)
    expect(sink.of('update')[0]).toMatchObject({
      config: { ...document(), prefix, version: `${prefix} (revision ${revision})` },
      about: { verified: true },
    })
  })

  it('one changed key takes effect, wherever below the prefix it is; a deleted one too', async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix, 'http://127.0.0.1:1/', 2))
    const { sink } = await follow(prefix)
    await delivered(sink, 1)
    await etcd.put(`${prefix}/backends/n0/servers/one/url`, 'http://127.0.0.1:2/')
    await delivered(sink, 2)
    expect(urlOf(sink.of('update')[1]?.config)).toBe('http://127.0.0.1:2/')
    await etcd.delete(`${prefix}/backends/n0/servers/one/weight`)
    await delivered(sink, 3)
    expect(sink.of('update')[2]?.config.backends['n0']).toEqual({
      servers: { one: { url: 'http://127.0.0.1:2/' } },
    })
  })

  it('a burst is one delivery, and keys of others that begin alike are none', async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix))
    const { sink } = await follow(prefix, { debounceMs: 300 })
    await delivered(sink, 1)
    for (let at = 0; at < 20; at++) {
      await etcd.put(`${prefix}/backends/n0/servers/one/weight`, String(at + 1))
      await etcd.put(`${prefix}x/backends/n0/servers/one/weight`, 'x')
    }
    await delivered(sink, 2)
    await etcd.put(`${prefix}/backends/n0/servers/one/weight`, '100')
    await delivered(sink, 3)
    const weights = sink.of('update').map(({ config }) => config.backends['n0']?.servers['one']?.weight)
    expect(weights).toEqual([1, 20, 100])
  })

  it('a burst that does not end is read all the same', async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix))
    const { sink } = await follow(prefix, { debounceMs: 30 })
    await delivered(sink, 1)
    let isOver = false
    const writing = (async () => {
      for (let at = 2; !isOver; at++) await etcd.put(`${prefix}/backends/n0/servers/one/weight`, String(at))
    })()
    await delivered(sink, 4)
    isOver = true
    await writing
  })

  it('a tree that is written in two places at once is never read torn', async () => {
    const prefix = place()
    const [first, second] = [keys(prefix, 'http://127.0.0.1:1/', 60), keys(prefix, 'http://127.0.0.1:2/', 60)]
    const urlsOf = (all: typeof first) =>
      Object.fromEntries(Object.entries(all).filter(([key]) => key.endsWith('/url')))
    await putAll(etcd, first)
    const { sink } = await follow(prefix, { debounceMs: 1 })
    await delivered(sink, 1)
    for (let round = 0; round < 30; round++) await writeAtOnce(etcd, urlsOf(round % 2 === 0 ? second : first))
    await writeAtOnce(etcd, { [`${prefix}/version`]: 'last' })
    await sink.until('the last', ({ versions }) => versions.at(-1) === 'last')
    const mixed = sink.of('update').filter(({ config }) => {
      const urls = Object.values(config.backends).map(({ servers }) => servers['one']?.url)
      return new Set(urls).size > 1
    })
    expect(mixed).toEqual([])
    expect(sink.of('update').length).toBeGreaterThan(2)
  })

  it('nothing below the prefix is refused in so many words; what is put there is taken by itself', async () => {
    const prefix = place()
    const { sink } = await follow(prefix)
    await sink.until('it is refused', (all) => all.of('reject').length > 0)
    expect(sink.of('reject')[0]?.error).toMatchObject({
      code: 'PROXY_CONFIG_UNUSABLE',
      message: `there is nothing below ${prefix}/, and there is no ${prefix}/alias in etcd ${etcd.url}`,
    })
    await putAll(etcd, keys(prefix))
    await delivered(sink, 1)
    await etcd.etcdctl('del', '--prefix', `${prefix}/`)
    await sink.until('it is refused again', (all) => all.of('reject').length > 1)
    expect(sink.of('update')).toHaveLength(1)
  })

  it('with allowEmpty, nothing is an empty configuration', async () => {
    const { sink } = await follow(place(), { allowEmpty: true })
    await delivered(sink, 1)
    expect(sink.of('update')[0]?.config).toMatchObject({ frontends: {}, backends: {} })
  })

  it('a prefix without a slash stands for keys without one', async () => {
    const prefix = place().slice(1)
    await putAll(etcd, keys(prefix))
    await putAll(etcd, keys(`${prefix}-2`, 'http://127.0.0.1:2/'))
    const { sink } = await follow(prefix)
    await delivered(sink, 1)
    await etcd.put(`${prefix}/alias`, `${prefix}-2`)
    await delivered(sink, 2)
    expect(sink.of('update').map(({ config }) => urlOf(config))).toEqual([
      'http://127.0.0.1:9/',
      'http://127.0.0.1:2/',
    ])
  })

  it('without watch is read once', async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix))
    const watchers = await etcd.watchers()
    const { sink } = await follow(prefix, { watch: false })
    await delivered(sink, 1)
    await eventually(async () => (await etcd.watchers()) === watchers, 'no watch is left')
  })
})

describe('with an alias', () => {
  it('a version is read once when it is named, and not followed; without the alias, the prefix is read', async () => {
    const root = place()
    await putAll(etcd, keys(`${root}/v1`, 'http://127.0.0.1:1/'))
    await putAll(etcd, keys(root, 'http://127.0.0.1:3/'))
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const { sink } = await follow(root)
    await delivered(sink, 1)
    await etcd.put(`${root}/v1/backends/n0/servers/one/url`, 'http://127.0.0.1:7/')
    await etcd.put(`${root}/backends/n0/servers/one/weight`, '7')
    await putAll(etcd, keys(`${root}/v2`, 'http://127.0.0.1:2/'))
    await etcd.put(`${root}/alias`, `${root}/v2/\n`)
    await delivered(sink, 2)
    await etcd.delete(`${root}/alias`)
    await delivered(sink, 3)
    await etcd.put(`${root}/backends/n0/servers/one/weight`, '8')
    await delivered(sink, 4)
    const found = sink.of('update').map(({ config }) => [config.version, urlOf(config)])
    expect(found).toEqual([
      [`${root}/v1`, 'http://127.0.0.1:1/'],
      [`${root}/v2`, 'http://127.0.0.1:2/'],
      [expect.stringContaining(`${root} (revision `), 'http://127.0.0.1:3/'],
      [expect.stringContaining(`${root} (revision `), 'http://127.0.0.1:3/'],
    ])
  })

  it('with followTarget, changes of the version that serves take effect, and of no other', async () => {
    const root = place()
    const elsewhere = place()
    await putAll(etcd, keys(`${root}/v1`, 'http://127.0.0.1:1/'))
    await putAll(etcd, keys(elsewhere, 'http://127.0.0.1:2/'))
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const { sink } = await follow(root, { followTarget: true })
    await delivered(sink, 1)
    await etcd.put(`${root}/v1/backends/n0/servers/one/url`, 'http://127.0.0.1:11/')
    await delivered(sink, 2)
    await etcd.put(`${root}/alias`, elsewhere)
    await delivered(sink, 3)
    await etcd.put(`${root}/v1/backends/n0/servers/one/url`, 'http://127.0.0.1:111/')
    await etcd.put(`${elsewhere}/backends/n0/servers/one/url`, 'http://127.0.0.1:22/')
    await delivered(sink, 4)
    expect(sink.of('update').map(({ config }) => urlOf(config))).toEqual(
      [1, 11, 2, 22].map((port) => `http://127.0.0.1:${port}/`),
    )
  })

  it('a key of its own must be there; its deletion is an outage, and changes nothing', async () => {
    const [root, aliasKey] = [place(), `${place()}/alias`]
    await putAll(etcd, keys(root))
    const { sink } = await follow(root, { aliasKey })
    await sink.until('it is missed', ({ isUnavailable }) => isUnavailable)
    expect(sink.of('unavailable')[0]?.error).toMatchObject({ code: 'PROXY_ALIAS_MISSING' })
    await etcd.put(aliasKey, root)
    await delivered(sink, 1)
    await etcd.delete(aliasKey)
    await sink.until('it is missed again', ({ isUnavailable }) => isUnavailable)
    expect(sink.of('update')).toHaveLength(1)
  })

  it.each([
    ['leads nowhere', '/nowhere', 'PROXY_CONFIG_UNUSABLE'],
    ['is no path', 'v2', 'PROXY_ALIAS_INVALID'],
    ['leads out of what is allowed', '/elsewhere', 'PROXY_ALIAS_INVALID'],
  ])('a value that %s is refused, and what served goes on', async (what, value, code) => {
    const root = place()
    await putAll(etcd, keys(`${root}/v1`))
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const allowed = what.includes('allowed') ? { allowedPrefix: root } : {}
    const { sink } = await follow(root, allowed)
    await delivered(sink, 1)
    await etcd.put(`${root}/alias`, value)
    await sink.until('it is refused', (all) => all.of('reject').length > 0)
    expect(sink.of('reject')[0]?.error.code).toBe(code)
    await etcd.put(`${root}/alias`, `${root}/v1`)
    await delivered(sink, 2)
  })

  it('ends on the last of many flips, and each version is whole', async () => {
    const root = place()
    for (let version = 0; version < 10; version++)
      await putAll(etcd, keys(`${root}/v${version}`, `http://127.0.0.1:${version + 1}/`, 30))
    await etcd.put(`${root}/alias`, `${root}/v0`)
    const { sink } = await follow(root)
    await delivered(sink, 1)
    for (let version = 1; version < 10; version++) await etcd.put(`${root}/alias`, `${root}/v${version}`)
    await sink.until('the last', ({ versions }) => versions.at(-1) === `${root}/v9`)
    for (const { config } of sink.of('update')) {
      const urls = new Set(Object.values(config.backends).map(({ servers }) => servers['one']?.url))
      expect([...urls]).toEqual([`http://127.0.0.1:${Number(config.version?.at(-1)) + 1}/`])
    }
  })
})

describe('the reads of etcd', () => {
  it('are four and the pages at most, for 500 frontends and as many backends', async () => {
    const root = place()
    for (const version of [1, 2]) await putAll(etcd, keys(`${root}/v${version}`, undefined, 500))
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const { sink } = await follow(root)
    await delivered(sink, 1)
    const before = await reads()
    await etcd.put(`${root}/alias`, `${root}/v2`)
    await delivered(sink, 2)
    const made = (await reads()) - before
    console.log(`${made} reads for a flip to 500 frontends and 500 backends`)
    // 2,000 keys are one page.
    expect(made).toBeLessThanOrEqual(5)
  })

  it('come to an end with values that do not fit into one answer, and with ones that were compacted meanwhile', async () => {
    const prefix = place()
    const big = 'x'.repeat(1_000_000)
    await putAll(etcd, keys(prefix, undefined, 20))
    for (let at = 0; at < 6; at++) await etcd.put(`${prefix}/comment/${at}`, big)
    const { sink } = await follow(prefix)
    await delivered(sink, 1)
    expect(Object.keys(sink.of('update')[0]?.config.frontends ?? {})).toHaveLength(20)
    for (let at = 0; at < 10; at++) {
      const revision = await etcd.put(`${prefix}/backends/n0/servers/one/weight`, String(at + 10))
      await etcd.etcdctl('compact', String(revision))
    }
    await sink.until('the last', (all) => {
      const { config } = all.of('update').at(-1) ?? {}
      return config?.backends['n0']?.servers['one']?.weight === 19
    })
    expect(sink.of('unavailable')).toEqual([])
  })

  it('give up beyond maxBytes', async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix, undefined, 50))
    const { sink } = await follow(prefix, { maxBytes: 2_000 })
    await sink.until('it is refused', (all) => all.of('reject').length > 0)
    expect(sink.of('reject')[0]?.error.message).toBe(`the keys below ${prefix}/ hold more than 2000 bytes`)
  })
})

describe('EtcdPrefixFetcher', () => {
  const context = () => ({ signal: new AbortController().signal })

  it('reads a prefix, and tells what it left out', async () => {
    const prefix = place()
    await putAll(etcd, { ...keys(prefix), [`${prefix}/comment`]: 'x' })
    const warnings: string[] = []
    const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url })
    const found = await fetcher.fetch(prefix, { ...context(), warn: ({ path }) => void warnings.push(path) })
    expect(found).toEqual({ ...document(), prefix })
    expect(warnings).toEqual([`${prefix}/comment`])
    await expect(fetcher.fetch('/nowhere', context())).rejects.toMatchObject({
      code: 'PROXY_CONFIG_UNUSABLE',
      message: 'there is nothing below /nowhere/ in etcd',
    })
    const empty = new EtcdPrefixFetcher({ hosts: etcd.url, allowEmpty: true })
    expect(await empty.fetch('/nowhere', context())).toMatchObject({ frontends: {}, backends: {} })
  })

  it('says where nothing answers, tries the next host, and can be called off', async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix))
    const fetcher = new EtcdPrefixFetcher({ hosts: ['http://127.0.0.1:1', etcd.url] })
    await expect(fetcher.fetch(prefix, context())).rejects.toMatchObject({
      code: 'PROXY_CONFIG_UNREACHABLE',
      message: expect.stringMatching(/^etcd http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*nothing listens there$/),
    })
    expect(await fetcher.fetch(prefix, context())).toMatchObject({ prefix })
    await etcd.pause()
    const calling = new AbortController()
    const fetching = new EtcdPrefixFetcher({ hosts: etcd.url }).fetch(prefix, { signal: calling.signal })
    calling.abort(new Error('called off'))
    await expect(fetching).rejects.toThrow('called off')
    etcd.resume()
  })
})

describe('in a proxy', () => {
  it('what was left out is told with the switch, and what is wrong is refused by its path', async () => {
    const prefix = place()
    await putAll(etcd, { ...keys(prefix), [`${prefix}/comment`]: 'x' })
    const proxy = createProxy({ providers: [new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 10 })] })
    onTestFinished(() => proxy.close())
    const first = nextEvent(proxy, 'configChanged')
    await proxy.ready()
    expect((await first).warnings).toMatchObject([{ path: `${prefix}/comment`, code: 'UNKNOWN_FIELD' }])
    const refused = nextEvent(proxy, 'configRejected')
    await etcd.put(`${prefix}/frontends/n0/auth/basic/users`, 'x:y')
    expect((await refused).error.issues).toMatchObject([{ path: 'frontends.n0.auth', code: 'NOT_SUPPORTED' }])
    const mended = nextEvent(proxy, 'configChanged')
    await writeAtOnce(etcd, { [`${prefix}/frontends/n0/priority`]: '9' }, [
      `${prefix}/frontends/n0/auth/basic/users`,
    ])
    expect((await mended).changes.frontends.changed).toEqual(['n0@etcd'])
  })

  it('a prefix with 100,000 keys is read, and requests are answered meanwhile', {
    timeout: 60_000,
  }, async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix, undefined, 25_000))
    const proxy = createProxy({ providers: [new EtcdProvider({ hosts: etcd.url, prefix })] })
    onTestFinished(() => proxy.close())
    let turns = 0
    let isReady = false
    const { range } = EtcdReader.prototype
    const reading = vi.spyOn(EtcdReader.prototype, 'range').mockImplementation(async function (
      this: EtcdReader,
      request,
    ) {
      const page = await range.call(this, request)
      // Only what comes after the last page counts: the loop has its turns while etcd is waited for.
      turns = 0
      return page
    })
    onTestFinished(() => reading.mockRestore())
    const ready = proxy.ready().finally(() => {
      isReady = true
    })
    for (; !isReady; turns++) await new Promise((resolve) => setImmediate(resolve))
    await ready
    expect(proxy.explain({ host: 'n24999.test', path: '/', clientAddress: '192.0.2.1' }).winner).toBeDefined()
    console.log(`100,000 keys: ${turns} turns of the event loop from the last page until they were live`)
    // Checked and compiled in one turn, there would be a few.
    expect(turns).toBeGreaterThan(20)
  })
})

describe('options that can never work', () => {
  it.each([
    [
      { prefix: '/a//b' },
      'EtcdProvider: prefix: expected a path without ".." and "//", found string "/a//b"',
    ],
    [{ prefix: '/' }, 'EtcdProvider: prefix: expected a path without'],
    [{ prefix: ' /x' }, 'EtcdProvider: prefix: expected a path without'],
    [{ prefix: '' }, 'EtcdProvider: prefix: expected a text, found string ""'],
    [{ aliasKey: 7 }, 'EtcdProvider: aliasKey: expected a text, found number 7'],
    [{ watch: 'yes' }, 'EtcdProvider: watch: expected true or false, found string "yes"'],
    [{ debounceMs: -1 }, 'EtcdProvider: debounceMs: expected a number above 0, found -1'],
    [{ maxBytes: 0 }, 'EtcdProvider: maxBytes: expected a number above 0, found 0'],
    [{ prefx: '/a' }, 'EtcdProvider: there is no option prefx; the nearest known one is "prefix"'],
    [{ hosts: [] }, 'etcd: hosts: expected at least one, like http://127.0.0.1:2379'],
  ])('%j is refused', (options, message) => {
    expect(() => new EtcdProvider({ hosts: 'http://127.0.0.1:1', ...(options as object) })).toThrow(message)
  })

  it('of the fetcher are refused too', () => {
    const make = (options: object) => () => new EtcdPrefixFetcher({ hosts: 'http://127.0.0.1:1', ...options })
    expect(make({ maxBytes: -1 })).toThrow('EtcdPrefixFetcher: maxBytes: expected a number above 0, found -1')
    expect(make({ allowEmpty: 1 })).toThrow('EtcdPrefixFetcher: allowEmpty: expected true or false')
    expect(make({ host: 'x' })).toThrow('EtcdPrefixFetcher: there is no option host')
  })
})
