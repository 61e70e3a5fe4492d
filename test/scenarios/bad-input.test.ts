import {
  ApiConfigFetcher,
  type ConfigRejected,
  createProxy,
  EtcdAliasProvider,
  type Issue,
  type ProviderRecovered,
  type ProviderUnavailable,
  type ProxyError,
} from 'switchover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import {
  type Behaviour,
  HostileApi,
  htmlPage,
  json,
  silent,
  status,
  truncated,
} from '../support/hostile-api.js'
import { eventually, nextEvent } from '../support/next-event.js'
import { StrictLoad } from '../support/strict-load.js'
import { HOST, VersionedServers, versionOf } from '../support/versioned-servers.js'

const LAG_GRACE_MS = 200
const TIMEOUT_MS = 500
const MAX_BYTES = 8 * 1024 * 1024

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

let clusters = 0

/** A whole proxy of a cluster of its own, with version 1 live and a load that never pauses and forgives nothing. */
async function cluster() {
  clusters += 1
  const root = `/traefik/cluster-${clusters}`
  const aliasKey = `${root}/alias`
  const servers = new VersionedServers()
  const [one, two] = [await servers.document(1), await servers.document(2)]
  const api = await HostileApi.start()
  api.on(`${root}/v1`, json({ prefix: `${root}/v1`, ...one }))
  await etcd.put(aliasKey, `${root}/v1`)

  const fetcher = new ApiConfigFetcher({
    url: api.url,
    lagGraceMs: LAG_GRACE_MS,
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  })
  const proxy = createProxy({ providers: [new EtcdAliasProvider({ hosts: etcd.url, aliasKey, fetcher })] })
  const rejected: ConfigRejected[] = []
  const troubled: ProviderUnavailable[] = []
  const recovered: ProviderRecovered[] = []
  proxy.on('configRejected', (event) => rejected.push(event))
  proxy.on('providerUnavailable', (event) => troubled.push(event))
  proxy.on('providerRecovered', (event) => recovered.push(event))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()

  let served = 0
  const load = new StrictLoad((answer) => {
    const version = versionOf(answer)
    if (typeof version === 'string') return version
    const before = served
    served = version
    return version < before ? `went back from version ${before} to ${version}` : undefined
  }).start(1, () => ({ port, host: HOST, path: '/x' }))

  return {
    root,
    api,
    proxy,
    load,
    one,
    two,
    rejected,
    troubled,
    recovered,
    writeAlias: (value: string) => etcd.put(aliasKey, value),
    /** Resolves when the load has seen many answers from now on, all of which came from that version. */
    async serves(version: number) {
      const { answered } = load
      await eventually(
        () => load.answered > answered + 20 && served === version,
        `version ${version} is served`,
      )
      expect(load.failures).toEqual([])
    },
    async close() {
      await load.stop()
      await proxy.close({ drainMs: 0 })
      await api.close()
      await servers.close()
    },
  }
}

type Cluster = Awaited<ReturnType<typeof cluster>>

async function withCluster(test: (cluster: Cluster) => Promise<void>): Promise<void> {
  const all = await cluster()
  try {
    await test(all)
    expect(all.load.failures).toEqual([])
  } finally {
    await all.close()
  }
}

describe.concurrent('an alias value that names no prefix', () => {
  it.each([
    ['is empty', () => '', 'is empty'],
    ['holds ..', (root: string) => `${root}/../other/v2`, 'contains ".."'],
  ])(
    '%s: one report, the old configuration serves on, and the next value is followed',
    async (_, valueFor, says) => {
      await withCluster(async ({ root, api, two, proxy, writeAlias, serves, rejected, troubled }) => {
        const reported = nextEvent(proxy, 'configRejected')
        await writeAlias(valueFor(root))
        const { provider, error } = await reported
        expect({ provider, code: error.code }).toEqual({
          provider: 'etcd-alias',
          code: 'PROXY_ALIAS_INVALID',
        })
        expect(error.message).toContain(says)
        await writeAlias(valueFor(root))
        await serves(1)

        api.on(`${root}/v2`, json({ prefix: `${root}/v2`, ...two }))
        const switched = nextEvent(proxy, 'configChanged')
        await writeAlias(`${root}/v2`)
        expect(await switched).toMatchObject({ generation: 2, version: `${root}/v2`, verified: true })
        await serves(2)
        expect([rejected.length, troubled.length]).toEqual([1, 0])
      })
    },
  )

  it('but ends in a line break, as etcdctl leaves it, is right', async () => {
    await withCluster(async ({ root, api, two, proxy, writeAlias, serves, rejected, troubled }) => {
      api.on(`${root}/v2`, json({ prefix: `${root}/v2`, ...two }))
      const switched = nextEvent(proxy, 'configChanged')
      await writeAlias(`${root}/v2\n`)
      expect(await switched).toMatchObject({ generation: 2, version: `${root}/v2` })
      await serves(2)
      expect([rejected.length, troubled.length]).toEqual([0, 0])
    })
  })
})

const tenMistakes = {
  frontends: {
    a: { backend: 'nowhere', rule: 'Host:a.example' },
    b: { backend: 'web', rule: 'Host:' },
    c: { backend: 'web', rule: 'ClientIP:10.0.0.0/33' },
    d: { backend: 'web' },
    e: { backend: 'web', rule: 'Host:e.example', priority: 'high' },
    f: { backend: 'web', rule: 'Host:f.example', entrypoint: ['web'] },
    g: { backend: 'web', rule: 'Host:g.example', auth: { basic: { users: [] } } },
  },
  backends: {
    web: { servers: { s1: { url: 'ftp://10.0.0.1' }, s2: { url: 'http://10.0.0.2', weight: -1 } } },
    more: { servers: {}, loadBalancer: { method: 'fastest' } },
  },
}
const TEN_PATHS = [
  'frontends.a.backend',
  'frontends.b.rule',
  'frontends.c.rule',
  'frontends.d',
  'frontends.e.priority',
  'frontends.f.entrypoint',
  'frontends.g.auth',
  'backends.web.servers.s1.url',
  'backends.web.servers.s2.weight',
  'backends.more.loadBalancer.method',
]

interface BadAnswer {
  readonly answers: string
  readonly behaviour: (cluster: Cluster) => Behaviour
  readonly event: 'configRejected' | 'providerUnavailable'
  readonly code: ProxyError['code']
  readonly says: string
  /** How often the API is asked after the report before it is mended: at least one whole further attempt. */
  readonly furtherQuestions?: number
  readonly issues?: (issues: readonly Issue[]) => void
}

const BAD_ANSWERS: readonly BadAnswer[] = [
  {
    answers: '404',
    behaviour: () => status(404, '{"error":"there is nothing here"}'),
    event: 'configRejected',
    code: 'PROXY_CONFIG_LAGGING',
    says: 'status 404, there is nothing under this prefix; it begins with "{\\"error\\":',
    furtherQuestions: 5,
  },
  {
    answers: '500',
    behaviour: () => status(500, 'the database is away'),
    event: 'providerUnavailable',
    code: 'PROXY_CONFIG_UNREACHABLE',
    says: 'status 500; it begins with "the database is away"',
  },
  {
    answers: 'HTML',
    behaviour: () => htmlPage,
    event: 'configRejected',
    code: 'PROXY_CONFIG_UNUSABLE',
    says: 'status 200, but not JSON',
  },
  {
    answers: 'JSON that ends in the middle',
    behaviour: ({ two }) => truncated(two),
    event: 'configRejected',
    code: 'PROXY_CONFIG_UNUSABLE',
    says: 'it begins with "{\\"frontends\\":',
  },
  {
    answers: '200 MB',
    behaviour: ({ api }) => api.endless(200e6),
    event: 'configRejected',
    code: 'PROXY_CONFIG_UNUSABLE',
    says: `status 200, the answer is longer than ${MAX_BYTES} bytes; it begins with "{\\"frontends\\":`,
  },
  {
    answers: "the other version's document",
    behaviour: ({ root, one }) => json({ prefix: `${root}/v1`, ...one }),
    event: 'configRejected',
    code: 'PROXY_CONFIG_LAGGING',
    says: '/v1", the request was for "/traefik/cluster-',
    furtherQuestions: 5,
  },
  {
    answers: 'nothing at all',
    behaviour: () => silent,
    event: 'providerUnavailable',
    code: 'PROXY_CONFIG_UNREACHABLE',
    says: `no complete answer within ${TIMEOUT_MS} ms`,
  },
  {
    answers: 'a document with ten mistakes',
    behaviour: () => json(tenMistakes),
    event: 'configRejected',
    code: 'PROXY_CONFIG_INVALID',
    says: TEN_PATHS[0] as string,
    issues: (issues) => expect(issues.map(({ path }) => path).sort()).toEqual([...TEN_PATHS].sort()),
  },
  {
    answers: 'a document without frontends',
    behaviour: ({ two }) => json({ ...two, frontends: {} }),
    event: 'configRejected',
    code: 'PROXY_CONFIG_INVALID',
    says: 'frontends: the document has no frontends',
    issues: (issues) => expect(issues).toMatchObject([{ path: 'frontends', code: 'EMPTY' }]),
  },
]

describe.concurrent('a prefix for which the API has', () => {
  it.each(BAD_ANSWERS)(
    '$answers: one report, the old configuration serves on, and it is taken as soon as it is right',
    {
      timeout: 60_000,
    },
    async ({ behaviour, event, code, says, furtherQuestions = 2, issues }) => {
      await withCluster(async (all) => {
        const { root, api, two, proxy, writeAlias, serves, rejected, troubled, recovered } = all
        const prefix = `${root}/v2`
        api.on(prefix, behaviour(all))
        const reported = nextEvent(proxy, event)
        await writeAlias(prefix)
        const { provider, error } = await reported
        expect({ provider, code: (error as ProxyError).code }).toEqual({ provider: 'etcd-alias', code })
        expect(error.message).toContain(says)
        if (issues) issues((error as ProxyError).issues)
        else expect(error.message).toContain(`GET ${api.url}?prefix=${encodeURIComponent(prefix)}: `)
        if (event === 'configRejected') expect(rejected[0]?.version).toBe(prefix)

        await api.untilAsked(prefix, api.timesAsked(prefix) + furtherQuestions)
        await serves(1)
        expect(proxy.state.generation).toBe(1)
        expect(proxy.state.providers).toMatchObject([
          { version: `${root}/v1`, state: event === 'configRejected' ? 'live' : 'unavailable' },
        ])

        const switched = nextEvent(proxy, 'configChanged')
        api.on(prefix, json({ prefix, ...two }))
        expect(await switched).toMatchObject({ generation: 2, version: prefix, verified: true })
        await serves(2)
        if (event === 'providerUnavailable' && recovered.length === 0)
          await nextEvent(proxy, 'providerRecovered')
        expect({ rejected: rejected.length, troubled: troubled.length, recovered: recovered.length }).toEqual(
          event === 'configRejected'
            ? { rejected: 1, troubled: 0, recovered: 0 }
            : { rejected: 0, troubled: 1, recovered: 1 },
        )
        expect(proxy.state.providers).toMatchObject([{ version: prefix, state: 'live' }])
        // Of 200 MB, only as much is ever taken as it needs to see that it is too much.
        expect(api.streamed).toBeLessThan(100e6)
      })
    },
  )
})
