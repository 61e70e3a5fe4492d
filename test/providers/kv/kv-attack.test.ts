import {
  ConsulProvider,
  type ConsulProviderOptions,
  EtcdProvider,
  type EtcdProviderOptions,
  type Issue,
  type ProviderConfig,
  validateConfig,
} from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { runAtOnce } from '../../../src/base/run-steps.js'
import { EtcdReader } from '../../../src/providers/etcd/etcd-reader.js'
import { documentOfKeys } from '../../../src/providers/kv/kv-document.js'
import { catchUncaught } from '../../support/catch-uncaught.js'
import { ConsulServer } from '../../support/consul-server.js'
import { keysOf, putAll, writeAtOnce } from '../../support/etcd-keys.js'
import { EtcdServer } from '../../support/etcd-server.js'
import { HostileLink } from '../../support/hostile-link.js'
import { eventually } from '../../support/next-event.js'
import { RecordingSink } from '../../support/recording-sink.js'
import { CREATED, HEADER, pair, reading, ScriptedEtcd } from '../../support/scripted-etcd.js'

const LIMITS = { timeout: 60_000 }

function document(url = 'http://127.0.0.1:9'): ProviderConfig {
  return {
    frontends: { web: { backend: 'web', routes: { main: { rule: 'Host:a.test' } } } },
    backends: { web: { servers: { one: { url } } } },
  }
}

const keys = (prefix: string, url?: string) => keysOf(document(url), prefix)

const urlsOf = (sink: RecordingSink) =>
  sink.of('update').map(({ config }) => config.backends['web']?.servers['one']?.url)

const delivered = (sink: RecordingSink, count: number) =>
  sink.until(`${count} are delivered`, (all) => all.of('update').length >= count, 30_000)

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open: () => open(), opened }
}

describe('etcd', () => {
  let etcd: EtcdServer
  let places = 0
  beforeAll(async () => {
    etcd = await EtcdServer.start()
  })
  afterAll(() => etcd?.stop())
  const place = () => `/attack-${++places}`

  async function follow(prefix: string, options: Partial<EtcdProviderOptions> = {}) {
    const provider = new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 20, ...options })
    const sink = new RecordingSink()
    onTestFinished(() => provider.stop())
    await provider.start(sink)
    return { provider, sink }
  }

  /** Each range that is asked for goes through `way`, which may wait before or after. */
  function onRanges(way: (key: string, ask: () => Promise<unknown>) => Promise<unknown>) {
    const real = EtcdReader.prototype.range
    const spy = vi.spyOn(EtcdReader.prototype, 'range').mockImplementation(function (
      this: EtcdReader,
      request,
    ) {
      return way(String(request.key), () => real.call(this, request)) as never
    })
    onTestFinished(() => spy.mockRestore())
  }

  it('a read of a version that was left does not turn the watch back to it', LIMITS, async () => {
    const root = place()
    await putAll(etcd, { ...keys(`${root}/v1`, 'http://a:1'), ...keys(`${root}/v2`, 'http://a:2') })
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const [held, asked, answered] = [gate(), gate(), gate()]
    let isFirst = true
    onRanges(async (key, ask) => {
      if (key !== `${root}/v1/` || !isFirst) return ask()
      isFirst = false
      asked.open()
      await held.opened
      const answer = await ask()
      setImmediate(answered.open)
      return answer
    })
    const { sink } = await follow(root, { followTarget: true })
    await asked.opened
    await etcd.put(`${root}/alias`, `${root}/v2`)
    await delivered(sink, 1)
    held.open()
    await answered.opened
    await etcd.etcdctl('get', root)
    await etcd.put(`${root}/v2/backends/web/servers/one/url`, 'http://a:22')
    await sink.until('the change of v2', () => urlsOf(sink).at(-1) === 'http://a:22', 30_000)
  })

  it('an answer that another overtook is no store that went back', LIMITS, async () => {
    const root = place()
    await putAll(etcd, { ...keys(`${root}/v1`, 'http://a:1'), ...keys(`${root}/v2`, 'http://a:2') })
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const [held, read] = [gate(), gate()]
    let isFirst = true
    onRanges(async (key, ask) => {
      const answer = await ask()
      if (key === `${root}/v1/` && isFirst) {
        isFirst = false
        read.open()
        await held.opened
      }
      return answer
    })
    const { sink } = await follow(root)
    await read.opened
    await etcd.put(`${root}/alias`, `${root}/v2`)
    await delivered(sink, 1)
    held.open()
    await etcd.put(`${root}/alias`, `${root}/v1`)
    await delivered(sink, 2)
    expect(sink.of('unavailable').map(({ error }) => error.message)).toEqual([])
  })

  it('no network held back: flips between large versions are no outage', LIMITS, async () => {
    const root = place()
    const big = 'x'.repeat(900)
    for (const version of [1, 2]) {
      const padding = Object.fromEntries(
        Array.from({ length: 3_500 }, (_, at) => [`${root}/v${version}/comment/${at}`, big]),
      )
      await putAll(etcd, { ...keys(`${root}/v${version}`, `http://a:${version}`), ...padding })
    }
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const { sink } = await follow(root)
    await delivered(sink, 1)
    for (let flip = 0; flip < 150; flip++) await etcd.put(`${root}/alias`, `${root}/v${(flip % 2) + 1}`)
    await sink.until('the last', ({ versions }) => versions.at(-1) === `${root}/v2`, 30_000)
    expect(sink.of('unavailable').map(({ error }) => error.message)).toEqual([])
  })

  it('a write between two pages is in none of them, and read after that', LIMITS, async () => {
    const prefix = place()
    const many = Object.fromEntries(
      Array.from({ length: 6_000 }, (_, at) => [`${prefix}/comment/${at}`, 'x']),
    )
    const [first, last] = [`${prefix}/backends/web/servers/one/weight`, `${prefix}/version`]
    await putAll(etcd, { ...keys(prefix), ...many, [first]: '1', [last]: '1' })
    let pages = 0
    onRanges(async (key, ask) => {
      // Of the second page.
      if (key.startsWith(`${prefix}/`) && !key.endsWith('/alias') && ++pages === 2)
        await writeAtOnce(etcd, { [first]: '2', [last]: '2' })
      return ask()
    })
    const { sink } = await follow(prefix)
    await sink.until('the newer', ({ versions }) => versions.at(-1) === '2', 30_000)
    const seen = sink
      .of('update')
      .map(({ config }) => [config.version, config.backends['web']?.servers['one']?.weight])
    expect(seen).toEqual([
      ['1', 1],
      ['2', 2],
    ])
  })

  it('changes that come faster than the tree is read are seen all the same', LIMITS, async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix))
    onRanges(async (key, ask) => {
      if (key === `${prefix}/`) await new Promise((resolve) => setTimeout(resolve, 120))
      return ask()
    })
    const { sink } = await follow(prefix, { debounceMs: 1 })
    await delivered(sink, 1)
    let isOver = false
    const writing = (async () => {
      for (let at = 0; !isOver; at++) await etcd.put(`${prefix}/frontends/web/priority`, String(at + 1))
    })()
    await delivered(sink, 5)
    isOver = true
    await writing
  })

  it('three large values do not make thousands of reads', LIMITS, async () => {
    const prefix = place()
    const small = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, at) => [`${prefix}/comment/${at}`, 'x']),
    )
    await putAll(etcd, { ...keys(prefix), ...small })
    for (let at = 0; at < 3; at++) await etcd.put(`${prefix}/a/${at}`, 'x'.repeat(1_450_000))
    let reads = 0
    onRanges((_key, ask) => {
      reads += 1
      return ask()
    })
    const { sink } = await follow(prefix)
    await delivered(sink, 1)
    // 4.4 MB are two pages.
    expect(reads).toBeLessThan(50)
  })

  it(
    'an outage that ends after a configuration went live is told to have ended, without watch too',
    LIMITS,
    async () => {
      const prefix = place()
      await putAll(etcd, keys(prefix))
      const link = await HostileLink.to(() => etcd.port)
      onTestFinished(() => link.cut())
      const { sink } = await follow(prefix, { watch: false, hosts: link.url })
      const checked = gate()
      sink.answer = async () => {
        await checked.opened
        return { state: 'live', generation: 1 }
      }
      await delivered(sink, 1)
      link.cut()
      await sink.until('it is unavailable', ({ isUnavailable }) => isUnavailable, 30_000)
      await link.mend()
      checked.open()
      await sink.until('it is over', ({ isUnavailable }) => !isUnavailable, 30_000)
    },
  )

  it('an allowed prefix is meant like the prefix: without a slash where that has none', LIMITS, async () => {
    const root = place().slice(1)
    await putAll(etcd, keys(`${root}/v1`))
    await etcd.put(`${root}/alias`, `${root}/v1`)
    const { sink } = await follow(root, { allowedPrefix: root })
    await sink.until('an answer', (all) => all.said.length > 0, 30_000)
    await delivered(sink, 1)
  })

  it('allowedPrefix is a rule for alias values, not for the prefix of the options', LIMITS, async () => {
    const root = place()
    await putAll(etcd, keys(root))
    const { sink } = await follow(root, { allowedPrefix: `${root}/versions` })
    await sink.until(
      'an answer',
      ({ said }) => said.some(({ what }) => what === 'reject' || what === 'update'),
      30_000,
    )
    expect(sink.of('reject').map(({ error }) => error.message)).toEqual([])
  })

  it('a compaction between a read of the tree and its watch is no outage', LIMITS, async () => {
    const prefix = place()
    await putAll(etcd, keys(prefix))
    const [held, read] = [gate(), gate()]
    let isFirst = true
    onRanges(async (key, ask) => {
      const answer = await ask()
      if (key === `${prefix}/` && isFirst) {
        isFirst = false
        read.open()
        await held.opened
      }
      return answer
    })
    const { sink } = await follow(prefix)
    await read.opened
    await etcd.put(`${prefix}/frontends/web/priority`, '1')
    const revision = await etcd.put(`${prefix}/frontends/web/priority`, '2')
    await etcd.etcdctl('compact', String(revision))
    held.open()
    await sink.until(
      'the last',
      (all) => all.of('update').at(-1)?.config.frontends['web']?.priority === 2,
      30_000,
    )
    expect(sink.of('unavailable').map(({ error }) => error.message)).toEqual([])
  })
})

describe('an etcd that lies', () => {
  async function followLiar(liar: ScriptedEtcd, options: Partial<EtcdProviderOptions> = {}) {
    const provider = new EtcdProvider({ hosts: liar.url, prefix: '/p', debounceMs: 20, ...options })
    const sink = new RecordingSink()
    onTestFinished(async () => {
      await provider.stop()
      await liar[Symbol.asyncDispose]()
    })
    await provider.start(sink)
    return { provider, sink }
  }

  /** As etcd gives them. */
  const inOrder = <P extends { readonly key: Buffer }>(pairs: readonly P[]) =>
    pairs.toSorted((a, b) => a.key.compare(b.key))
  const pairsOf = (prefix: string) =>
    inOrder(Object.entries(keys(prefix)).map(([key, value]) => pair(key, value)))
  const PAIRS = pairsOf('/p')

  it('by an event without a key does not end the process', LIMITS, async () => {
    const caught = catchUncaught()
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', (error) => caught.push(error))
    onTestFinished(() => {
      process.removeAllListeners('unhandledRejection')
      for (const listener of others) process.on('unhandledRejection', listener)
    })
    let watches = 0
    let calls = 0
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () => (++calls <= 2 ? { header: HEADER, kvs: [] } : { header: HEADER, kvs: PAIRS }),
      onWatch: (watch) => {
        watch.write(CREATED)
        // The second is that of the tree.
        if (++watches === 2) watch.write({ header: HEADER, watch_id: '0', events: [{ type: 'PUT' }] })
      },
    })
    const { sink } = await followLiar(liar)
    await delivered(sink, 1)
    await eventually(
      () => caught.length > 0 || sink.isUnavailable || calls > 3,
      'it is told, or read again',
      30_000,
    )
    expect(caught.map(String)).toEqual([])
  })

  it('by a page without a header is told of in words of ours', LIMITS, async () => {
    let calls = 0
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () => (++calls <= 2 ? { header: HEADER, kvs: [] } : { kvs: PAIRS }),
    })
    const { sink } = await followLiar(liar)
    await sink.until('it is told', ({ isUnavailable }) => isUnavailable, 30_000)
    expect(sink.of('unavailable')[0]?.error.message).toContain('the answer has no header')
  })

  it('by a value that fits into no answer is told of with its place', LIMITS, async () => {
    let calls = 0
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () =>
        ++calls <= 2
          ? { header: HEADER, kvs: [] }
          : { header: HEADER, kvs: [pair('/p/comment', Buffer.alloc(5_000_000))] },
    })
    const { sink } = await followLiar(liar)
    await sink.until(
      'it is told',
      ({ said }) => said.some(({ what }) => what === 'reject' || what === 'unavailable'),
      30_000,
    )
    const told = [...sink.of('reject'), ...sink.of('unavailable')].map(({ error }) => error.message)
    expect(told[0]).toContain('/p')
  })

  it('by keys that are no UTF-8 does not make one of two', LIMITS, async () => {
    let calls = 0
    const raw = (last: number, field: string, value: string) => ({
      ...pair('', value),
      key: Buffer.concat([
        Buffer.from('/p/backends/web/servers/'),
        Buffer.of(last),
        Buffer.from(`/${field}`),
      ]),
    })
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () =>
        ++calls <= 2
          ? { header: HEADER, kvs: [] }
          : {
              header: HEADER,
              kvs: inOrder([...PAIRS, raw(0xfe, 'url', 'http://a:1'), raw(0xff, 'weight', '9')]),
            },
    })
    const { sink } = await followLiar(liar)
    await sink.until(
      'an answer',
      ({ said }) => said.some(({ what }) => what === 'reject' || what === 'update'),
      30_000,
    )
    const [first] = sink.of('update')
    if (first)
      expect(Object.values(first.config.backends['web']?.servers ?? {})).not.toContainEqual({
        url: 'http://a:1',
        weight: 9,
      })
  })

  it('by pages without end is given up', LIMITS, async () => {
    let calls = 0
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () =>
        ++calls <= 2
          ? { header: HEADER, kvs: [] }
          : { header: HEADER, more: true, kvs: [pair('/p/frontends/web/backend', 'web')] },
    })
    const { sink } = await followLiar(liar)
    await eventually(
      () => calls > 2_000 || sink.of('unavailable').length + sink.of('reject').length > 0,
      'it is told',
      30_000,
    )
    expect(calls).toBeLessThan(100)
  })

  it('by a page that is empty though there are more is not taken for the end', LIMITS, async () => {
    let calls = 0
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () => {
        calls += 1
        if (calls <= 2) return { header: HEADER, kvs: [] }
        return { header: HEADER, more: true, kvs: calls === 3 ? PAIRS : [] }
      },
    })
    const { sink } = await followLiar(liar)
    await sink.until('an answer', ({ said }) => said.some(({ what }) => what !== 'recovered'), 30_000)
    expect(sink.of('update')).toEqual([])
  })

  it('by keys that stand elsewhere is told of, as it is for the alias key', LIMITS, async () => {
    let calls = 0
    const liar = await ScriptedEtcd.start('/p/alias', {
      range: () => (++calls <= 2 ? { header: HEADER, kvs: [] } : { header: HEADER, kvs: pairsOf('/q') }),
    })
    const { sink } = await followLiar(liar)
    await sink.until('an answer', ({ said }) => said.some(({ what }) => what !== 'recovered'), 30_000)
    expect(sink.of('update')).toEqual([])
  })

  it(
    'an alias that was another for a moment, as before a restore, is fetched all the same',
    LIMITS,
    async () => {
      const reads = ['/v1', '/v2', '/v1', '/v1']
      const liar = await ScriptedEtcd.start('/p/alias', {
        range: () => {
          const value = reads.shift()
          if (value === undefined) return { header: HEADER, kvs: pairsOf('/v1') }
          return reading('/p/alias', value, value === '/v1' ? '3' : '4')
        },
      })
      const { sink } = await followLiar(liar)
      await delivered(sink, 1)
    },
  )
})

describe('Consul', () => {
  async function start() {
    const consul = await ConsulServer.start()
    onTestFinished(() => consul[Symbol.asyncDispose]())
    const put = (all: Readonly<Record<string, string>>) => {
      for (const [key, value] of Object.entries(all)) consul.put(key, value)
    }
    const follow = async (options: ConsulProviderOptions = {}) => {
      const provider = new ConsulProvider({ url: consul.url, debounceMs: 20, ...options })
      const sink = new RecordingSink()
      onTestFinished(() => provider.stop())
      await provider.start(sink)
      return { provider, sink }
    }
    return { consul, put, follow }
  }

  it('a tree that grows beyond maxBytes is told of', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put(keys('traefik'))
    const { sink } = await follow({ maxBytes: 2_000 })
    await delivered(sink, 1)
    consul.put('traefik/comment', 'x'.repeat(10_000))
    await sink.until(
      'it is told',
      (all) => all.of('reject').length + all.of('unavailable').length > 0,
      30_000,
    )
  })

  it('a tree that may be read no more is told of', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put(keys('traefik'))
    const { sink } = await follow({ waitMs: 200 })
    await delivered(sink, 1)
    consul.lie = ({ search }, res) => {
      if (search.has('recurse')) res.writeHead(403).end('Permission denied')
      return search.has('recurse')
    }
    await sink.until(
      'it is told',
      (all) => all.of('reject').length + all.of('unavailable').length > 0,
      30_000,
    )
  })

  it(
    'writes without end below the prefix are not read one by one, whatever debounceMs says',
    LIMITS,
    async () => {
      const { consul, put, follow } = await start()
      put(keys('traefik'))
      const { sink } = await follow({ debounceMs: 500 })
      await delivered(sink, 1)
      const trees = () => consul.questions.filter(({ search }) => search.has('recurse')).length
      const before = trees()
      const end = performance.now() + 1_000
      let at = 0
      await eventually(() => {
        consul.put('traefik/frontends/web/priority', String(++at))
        return performance.now() > end
      }, 'a second is over')
      expect(trees() - before).toBeLessThan(30)
    },
  )

  it('a server whose index never stands still is not asked without end', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put(keys('traefik'))
    const { sink } = await follow()
    await delivered(sink, 1)
    let index = 1_000
    consul.lie = ({ key }, res) => {
      if (key !== 'traefik/alias') return false
      res.writeHead(404, { 'x-consul-index': String(++index) }).end()
      return true
    }
    consul.put('others', 'x')
    const before = consul.questions.length
    const end = performance.now() + 1_000
    await eventually(() => performance.now() > end, 'a second is over')
    expect(consul.questions.length - before).toBeLessThan(50)
  })

  it('maxBytes is of keys and values, not of how Consul writes them', LIMITS, async () => {
    const { put, follow } = await start()
    put(keys('traefik'))
    const comments = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`traefik/c/${at}`, 'x']))
    put(comments)
    const { sink } = await follow({ maxBytes: 10_000 })
    await sink.until(
      'an answer',
      ({ said }) => said.some(({ what }) => what === 'reject' || what === 'update'),
      30_000,
    )
    expect(sink.of('reject').map(({ error }) => error.message)).toEqual([])
  })

  it('an alias value with a dot as a segment is read as it stands, or refused', LIMITS, async () => {
    const { consul, put, follow } = await start()
    // Cut as long as its name is, and not as long as what was asked for.
    put(keys('apps/v1'))
    put(keys('apps/v1/xx', 'http://wrong:1'))
    consul.put('traefik/alias', '/apps/./v1')
    const { sink } = await follow()
    await sink.until(
      'an answer',
      ({ said }) => said.some(({ what }) => what === 'reject' || what === 'update'),
      30_000,
    )
    const [first] = sink.of('update')
    if (first) expect(urlsOf(sink)).toEqual(['http://127.0.0.1:9'])
    else expect(sink.of('reject')[0]?.error.code).toBe('PROXY_ALIAS_INVALID')
  })

  it('an allowed prefix is meant like the prefix, without a slash', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put(keys('traefik/v1'))
    consul.put('traefik/alias', 'traefik/v1')
    const { sink } = await follow({ allowedPrefix: 'traefik' })
    await sink.until(
      'an answer',
      ({ said }) => said.some(({ what }) => what === 'reject' || what === 'update'),
      30_000,
    )
    expect(sink.of('reject').map(({ error }) => error.message)).toEqual([])
  })

  it(
    'the folder of the prefix itself, as Consul’s user interface makes it, is no stranger',
    LIMITS,
    async () => {
      const { consul, put, follow } = await start()
      put(keys('traefik'))
      consul.put('traefik/', '')
      const { sink } = await follow()
      await delivered(sink, 1)
      expect(sink.of('update')[0]?.about?.warnings ?? []).toEqual([])
    },
  )

  it('an outage of the tree is over when an alias value is refused that Consul gave', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put(keys('v1'))
    consul.put('traefik/alias', 'v1')
    consul.lie = ({ search }, res) => {
      if (search.has('recurse')) res.writeHead(500).end()
      return search.has('recurse')
    }
    const { sink } = await follow()
    await sink.until('it is unavailable', ({ isUnavailable }) => isUnavailable, 30_000)
    consul.lie = () => false
    consul.put('traefik/alias', 'a//b')
    await sink.until('it is refused', (all) => all.of('reject').length > 0, 30_000)
    await sink.until('the outage is over', ({ isUnavailable }) => !isUnavailable, 30_000)
  })

  it('keys that Consul holds back from this token are no keys that were deleted', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put({ ...keys('traefik'), 'traefik/frontends/web/whitelist/sourcerange': '10.0.0.0/8' })
    const { sink } = await follow()
    await delivered(sink, 1)
    const kept = Object.entries(keys('traefik')).map(([Key, value]) => ({
      Key,
      Value: Buffer.from(value).toString('base64'),
      ModifyIndex: 7,
    }))
    consul.lie = ({ search }, res) => {
      if (!search.has('recurse')) return false
      const headers = { 'x-consul-index': '9000', 'x-consul-results-filtered-by-acls': 'true' }
      res.writeHead(200, headers).end(JSON.stringify(kept))
      return true
    }
    consul.put('traefik/frontends/web/priority', '1')
    await sink
      .until('an answer', ({ said }) => said.length > 2 && said.at(-1)?.what !== 'recovered', 30_000)
      .catch(() => {})
    for (const { config } of sink.of('update')) expect(config.frontends['web']?.whiteList).toBeDefined()
    expect(sink.of('reject').length + sink.of('unavailable').length).toBeGreaterThan(0)
  })

  it('an alias in the tree that it names is one switch at each write', LIMITS, async () => {
    const { consul, put, follow } = await start()
    put(keys('traefik'))
    consul.put('traefik/alias', 'traefik')
    const { sink } = await follow({ followTarget: true })
    await delivered(sink, 1)
    consul.put('traefik/alias', 'traefik')
    await delivered(sink, 2)
    // What would follow by itself would come before what is written now.
    consul.put('traefik/frontends/web/priority', '7')
    await sink.until('the last', (all) => all.of('update').at(-1)?.config.frontends['web']?.priority === 7)
    expect(sink.of('update')).toHaveLength(3)
  })
})

describe('keys', () => {
  const WEB = keysOf(document(), 'p')

  function read(more: Readonly<Record<string, string>>) {
    const warnings: Issue[] = []
    const all = {
      ...WEB,
      ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`p/${key}`, value])),
    }
    const entries = Object.entries(all)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key: key.slice(2), value: Buffer.from(value) }))
    const found = runAtOnce(documentOfKeys(entries, '/traefik', (warning) => void warnings.push(warning)))
    return { found, warnings }
  }

  const isRefused = (more: Readonly<Record<string, string>>) => {
    try {
      return !validateConfig(read(more).found).ok
    } catch {
      return true
    }
  }

  it.each([
    ['frontends/web/whitelist', '10.0.0.0/8'],
    ['frontends/web/whitelist/sourcerange/', '10.0.0.0/8'],
    ['frontends/web//whitelist/sourcerange', '10.0.0.0/8'],
    ['frontends/web/whitelist//sourcerange', '10.0.0.0/8'],
    ['frontend/web/whitelist/sourcerange', '10.0.0.0/8'],
    ['frontneds/web/whitelist/sourcerange', '10.0.0.0/8'],
    ['frontends/web/sourcerange', '10.0.0.0/8'],
    ['frontends/web/entrypoints/internal', 'internal'],
  ])('who may come in is not opened to all by %s', (key, value) => {
    expect(isRefused({ [key]: value })).toBe(true)
  })

  it.each([
    [
      {
        'frontends/web/whitelist/sourcerange/0': '10.0.0.1',
        'frontends/web/whitelist/sourcerange/00': '10.0.0.2',
      },
    ],
    [
      {
        'frontends/web/whitelist/sourceRange/0': '10.0.0.1',
        'frontends/web/whitelist/sourcerange/0': '10.0.0.2',
      },
    ],
    [{ 'frontends/web/entryPoints/0': 'a', 'frontends/web/entrypoints/0': 'b' }],
  ])('an item of a list that stands twice is refused: %j', (more) => {
    expect(isRefused(more as never)).toBe(true)
  })

  it('what is left out is told in one line of some length', () => {
    const { warnings } = read({ [`\u001b[2J\nconfigChanged: all is well ${'x'.repeat(1_000_000)}`]: 'x' })
    expect(warnings).toHaveLength(1)
    expect(/\p{Cc}/u.test(warnings[0]?.path ?? '')).toBe(false)
    expect(warnings[0]?.path.length).toBeLessThan(1_000)
  })
})
