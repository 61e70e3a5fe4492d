import { ConsulProvider, type ConsulProviderOptions, type ProviderConfig } from 'switchover'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ConsulServer } from '../../support/consul-server.js'
import { keysOf } from '../../support/etcd-keys.js'
import { HostileLink } from '../../support/hostile-link.js'
import { eventually } from '../../support/next-event.js'
import { RecordingSink } from '../../support/recording-sink.js'

let consul: ConsulServer

beforeEach(async () => {
  consul = await ConsulServer.start()
  return () => consul[Symbol.asyncDispose]()
})

function document(url: string): ProviderConfig {
  return {
    frontends: { web: { backend: 'web', routes: { main: { rule: 'Host:a.test' } } } },
    backends: { web: { servers: { one: { url } } } },
  }
}

function putTree(prefix: string, url: string): void {
  for (const [key, value] of Object.entries(keysOf(document(url), prefix))) consul.put(key, value)
}

async function follow(options: ConsulProviderOptions = {}) {
  const provider = new ConsulProvider({ url: consul.url, debounceMs: 20, ...options })
  const sink = new RecordingSink()
  onTestFinished(() => provider.stop())
  await provider.start(sink)
  return { provider, sink }
}

const delivered = (sink: RecordingSink, count: number) =>
  sink.until(`${count} are delivered`, (all) => all.of('update').length >= count)

const urlsOf = (sink: RecordingSink) =>
  sink.of('update').map(({ config }) => config.backends['web']?.servers['one']?.url)

describe('ConsulProvider', () => {
  it('asks the leader, by queries that wait, for answers that are not compressed', async () => {
    putTree('traefik', 'http://a:1')
    const { sink } = await follow({ waitMs: 40 })
    await delivered(sink, 1)
    await eventually(
      () => consul.questions.filter(({ search }) => search.has('wait')).length > 20,
      'it waits',
    )
    for (const { search, headers } of consul.questions) {
      expect(search.get('consistent')).toBe('')
      expect(headers['accept-encoding']).toBe('identity')
    }
    const waits = consul.questions.flatMap(({ search }) => search.get('wait') ?? [])
    expect(new Set(waits).size).toBeGreaterThan(3)
    for (const wait of waits) {
      expect(wait).toMatch(/^\d+ms$/)
      expect(Number.parseInt(wait, 10)).toBeGreaterThanOrEqual(32)
      expect(Number.parseInt(wait, 10)).toBeLessThanOrEqual(48)
    }
    expect(consul.questions.every(({ search }) => search.get('index') !== '0')).toBe(true)
    expect(urlsOf(sink)).toEqual(['http://a:1'])
  })

  it('reads an alias with and without a slash at its beginning, and does not follow what it names', async () => {
    putTree('elsewhere/v1', 'http://a:1')
    putTree('elsewhere/v2', 'http://a:2')
    consul.put('traefik/alias', 'elsewhere/v1')
    const { sink } = await follow({ prefix: '/traefik' })
    await delivered(sink, 1)
    consul.put('elsewhere/v1/backends/web/servers/one/url', 'http://a:7')
    consul.put('traefik/alias', '/elsewhere/v2/')
    await delivered(sink, 2)
    expect(urlsOf(sink)).toEqual(['http://a:1', 'http://a:2'])
    expect(sink.versions).toEqual(['/elsewhere/v1', '/elsewhere/v2'])
  })

  it('with followTarget follows what the alias names', async () => {
    putTree('v1', 'http://a:1')
    putTree('v2', 'http://a:2')
    consul.put('clusters/dev', 'v1')
    const { sink } = await follow({ aliasKey: '/clusters/dev', followTarget: true })
    await delivered(sink, 1)
    consul.put('v1/backends/web/servers/one/url', 'http://a:11')
    await delivered(sink, 2)
    consul.put('clusters/dev', 'v2')
    await delivered(sink, 3)
    consul.put('v1/backends/web/servers/one/url', 'http://a:111')
    consul.put('v2/backends/web/servers/one/url', 'http://a:22')
    await delivered(sink, 4)
    expect(urlsOf(sink)).toEqual(['http://a:1', 'http://a:11', 'http://a:2', 'http://a:22'])
  })

  it('sees a deleted key, and none of keys that begin alike', async () => {
    putTree('traefik', 'http://a:1')
    consul.put('traefik/frontends/web/priority', '7')
    const { sink } = await follow()
    await delivered(sink, 1)
    consul.put('traefik-2/frontends/other/backend', 'x')
    consul.delete('traefik/frontends/web/priority')
    await delivered(sink, 2)
    expect(sink.of('update').map(({ config }) => config.frontends['web']?.priority)).toEqual([7, undefined])
    expect(Object.keys(sink.of('update')[1]?.config.frontends ?? {})).toEqual(['web'])
  })

  it('does not read its tree again for keys of others', async () => {
    putTree('traefik', 'http://a:1')
    const { sink } = await follow()
    await delivered(sink, 1)
    const readTree = () =>
      consul.questions.filter(({ search }) => search.has('recurse') && !search.has('index')).length
    const waits = () => consul.questions.filter(({ search }) => search.has('index')).length
    const before = readTree()
    for (let at = 0; at < 20; at++) {
      const waited = waits()
      // A query that waits for a key that is not there is answered at each write of any.
      consul.put('others', String(at))
      await eventually(() => waits() > waited, 'it waits again')
    }
    expect(readTree()).toBe(before)
    consul.put('traefik/frontends/web/priority', '1')
    await delivered(sink, 2)
  })

  it('follows a store whose index goes backwards', async () => {
    for (let at = 0; at < 50; at++) consul.put('other', String(at))
    putTree('traefik', 'http://a:1')
    const { sink } = await follow({ waitMs: 200 })
    await delivered(sink, 1)
    consul.restore(keysOf(document('http://a:2'), 'traefik'))
    await sink.until('it is read anew', () => urlsOf(sink).at(-1) === 'http://a:2')
    consul.put('traefik/backends/web/servers/one/url', 'http://a:3')
    await sink.until('it is followed', () => urlsOf(sink).at(-1) === 'http://a:3')
    expect(sink.of('unavailable')).toEqual([])
  })

  it('an alias that is written while its tree is read is never paired with another’s tree', async () => {
    for (const version of [1, 2]) putTree(`v${version}`, `http://a:${version}`)
    consul.put('traefik/alias', 'v1')
    let isFlipping = true
    let flips = 0
    // Between the read of the alias and that of the tree, and between the tree and the second look at the alias.
    consul.lie = ({ search }) => {
      if (isFlipping && search.has('recurse') && flips < 5) {
        flips += 1
        consul.put('traefik/alias', `v${(flips % 2) + 1}`)
      }
      return false
    }
    const { sink } = await follow()
    await sink.until('the last', () => flips === 5 && sink.versions.at(-1) === '/v2')
    isFlipping = false
    for (const { config } of sink.of('update'))
      expect(config.backends['web']?.servers['one']?.url).toBe(`http://a:${config.version?.slice(2)}`)
  })

  it('shows a token, and says what is refused without one', async () => {
    putTree('traefik', 'http://a:1')
    consul.token = 'secret'
    const without = await follow()
    await without.sink.until('it is unavailable', ({ isUnavailable }) => isUnavailable)
    const [trouble] = without.sink.of('unavailable')
    expect(trouble?.error.message).toMatch(/status 403.*Permission denied/)
    const { sink } = await follow({ token: 'secret' })
    await delivered(sink, 1)
  })

  it.each([
    ['no Consul', { 'content-type': 'text/html' }, '<html>', /without X-Consul-Index: is this Consul\?/],
    ['no JSON', { 'x-consul-index': '7' }, '[{"Key": ', /no JSON/],
    ['no list', { 'x-consul-index': '7' }, '{"Key": "a"}', /expected a list of keys and values/],
    ['no keys', { 'x-consul-index': '7' }, '[7]', /expected a list of keys and values/],
    ['an index that is none', { 'x-consul-index': '-1' }, '[]', /without X-Consul-Index/],
    ['too much', { 'x-consul-index': '7' }, `["${'x'.repeat(200_000)}"]`, /longer than 100000 bytes/],
  ])(
    'tells of an answer that is %s, asks at its leisure, and recovers',
    async (_what, headers, body, message) => {
      putTree('traefik', 'http://a:1')
      consul.lie = (_question, res) => {
        res.writeHead(200, headers).end(body)
        return true
      }
      const { sink } = await follow({ maxBytes: 10_000 })
      const told = () =>
        [...sink.of('unavailable'), ...sink.of('reject')].some(({ error }) => message.test(error.message))
      await sink.until('it is told', told)
      expect(consul.questions.length).toBeLessThan(20)
      consul.lie = () => false
      await delivered(sink, 1)
      await sink.until('it has recovered', ({ isUnavailable }) => !isUnavailable)
    },
  )

  it('is not made to ask without end by a server that does not wait', async () => {
    putTree('traefik', 'http://a:1')
    const { sink } = await follow()
    await delivered(sink, 1)
    const start = performance.now()
    const before = consul.questions.length
    consul.lie = ({ search }) => {
      search.delete('index')
      return false
    }
    // Wakes those that wait already.
    consul.put('traefik/alias-of-nobody', 'x')
    consul.put('traefik/frontends/web/priority', '1')
    await eventually(() => performance.now() - start > 1_500, 'a second and a half is over')
    expect(consul.questions.length - before).toBeLessThan(40)
  })

  it('notices a silent Consul, and catches up', async () => {
    const link = await HostileLink.to(() => consul.port)
    onTestFinished(() => link.cut())
    putTree('traefik', 'http://a:1')
    const { sink } = await follow({ url: link.url, waitMs: 500 })
    await delivered(sink, 1)
    link.stall()
    await sink.until('it is noticed', ({ isUnavailable }) => isUnavailable, 30_000)
    consul.put('traefik/backends/web/servers/one/url', 'http://a:2')
    await link.mend()
    await sink.until('it has caught up', () => urlsOf(sink).at(-1) === 'http://a:2')
    await sink.until('it is well', ({ isUnavailable }) => !isUnavailable)
    expect(sink.outages).toBe(1)
  })

  it.each([
    [{ url: 'consul:8500' }, 'ConsulProvider: the url must begin with http:// or https://, found consul:'],
    [{ url: 'http://a/consul' }, 'must not have a path, a query or a fragment'],
    [{ url: 'http://a?dc=dc2' }, 'must not have a path, a query or a fragment'],
    [{ waitMs: 2_000_000_000 }, 'ConsulProvider: waitMs: expected at most 600000'],
    [{ token: 'a\nb' }, 'ConsulProvider: token: expected an ACL token, found another text'],
    [{ token: 7 }, 'ConsulProvider: token: expected an ACL token, found number 7'],
    [{ waitMs: 0 }, 'ConsulProvider: waitMs: expected a number above 0, found 0'],
    [{ tls: { cert: 'x' } }, 'ConsulProvider: tls: expected PEM texts'],
    [{ tls: { insecureSkipVerify: 1 } }, 'ConsulProvider: tls.insecureSkipVerify: expected true or false'],
    [{ endpoint: 'x' }, 'ConsulProvider: there is no option endpoint'],
    [{ prefix: '..' }, 'ConsulProvider: prefix: expected a path without'],
  ])('refuses the options %j', (options, message) => {
    expect(() => new ConsulProvider(options as ConsulProviderOptions)).toThrow(message)
  })
})
