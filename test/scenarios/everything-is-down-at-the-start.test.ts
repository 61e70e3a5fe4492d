import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ApiConfigFetcher,
  type ConfigRejected,
  createProxy,
  EtcdAliasProvider,
  LastGoodFile,
  type ProviderUnavailable,
} from 'switchover'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileApi, json } from '../support/hostile-api.js'
import { HostileLink } from '../support/hostile-link.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'

// P3 and P5 in docs/promises.md.

const BACK_WITHIN_MS = 30_000

let folder: string
let etcd: EtcdServer
let api: HostileApi
let apiLink: HostileLink
let one: NamedServer
let two: NamedServer

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'all-down-'))
  etcd = await EtcdServer.start()
  api = await HostileApi.start()
  apiLink = await HostileLink.to(() => api.port)
  one = await NamedServer.start('one')
  two = await NamedServer.start('two')
  for (const [version, { url }] of Object.entries({ v1: one, v2: two })) {
    const prefix = `/${version}`
    api.on(
      prefix,
      json({
        prefix,
        frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
        backends: { web: { servers: { only: { url } } } },
      }),
    )
  }
  await etcd.put('/alias', '/v1')
})
afterEach(async () => {
  await Promise.all([one.close(), two.close(), apiLink.cut(), api.close(), etcd.stop()])
  await rm(folder, { recursive: true, force: true })
})

async function start(lastGood: string | undefined) {
  let fetches = 0
  const headers = () => {
    fetches += 1
    return {}
  }
  const fetcher = new ApiConfigFetcher({ url: `${apiLink.url}/config`, headers })
  const proxy = createProxy({
    providers: [new EtcdAliasProvider({ hosts: etcd.url, aliasKey: '/alias', fetcher })],
    ...(lastGood !== undefined && {
      lastGood: new LastGoodFile(lastGood, { startGraceMs: 300 }),
    }),
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const troubled: ProviderUnavailable[] = []
  const rejected: ConfigRejected[] = []
  proxy.on('providerUnavailable', (event) => troubled.push(event))
  proxy.on('configRejected', (event) => rejected.push(event))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return {
    proxy,
    get: () => httpGet({ port: Number(port) }),
    troubled,
    rejected,
    /** Resolves when it has done what can be done with half of what it needs. */
    hasTried: async () => {
      // Without etcd nobody could know what to ask the API for.
      if ((await etcd.get('/alias').catch(() => undefined)) === undefined) return
      await eventually(() => fetches >= 3, 'the API is tried')
    },
  }
}

/** A whole run with all of it up, which leaves a file behind. */
async function runBefore(lastGood: string): Promise<void> {
  const { proxy } = await start(lastGood)
  await proxy.ready()
  await proxy.close()
}

async function takeDown(): Promise<void> {
  await Promise.all([etcd.kill(), apiLink.cut()])
}

/** In which order the two come back: the first, and what shows that the proxy has made of it what it can. */
const orders = {
  'etcd, then the config API': [() => etcd.restart(), () => apiLink.mend()],
  'the config API, then etcd': [() => apiLink.mend(), () => etcd.restart()],
} as const

describe.each(Object.keys(orders) as (keyof typeof orders)[])(
  'a start with all down; up come %s',
  (order) => {
    const [first, second] = orders[order]

    it('without a file: 503 with Retry-After until both are there, then live by itself', async () => {
      await takeDown()
      const { proxy, get, troubled, hasTried } = await start(undefined)
      const ready = proxy.ready({ timeoutMs: 30_000 })
      await eventually(() => troubled.length === 1, 'it is told')
      expect(await get()).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
      await first()
      await hasTried()
      expect((await get()).status).toBe(503)
      expect(proxy.state).toMatchObject({ generation: 0, providers: [{ state: 'unavailable' }] })

      const start2 = performance.now()
      await second()
      await ready
      const backMs = performance.now() - start2
      expect(backMs).toBeLessThan(BACK_WITHIN_MS)
      expect(await get()).toMatchObject({ status: 200, body: 'one\n' })
      expect(troubled).toHaveLength(1)
      console.log(`up came ${order}: live ${Math.round(backMs)} ms after the second began to start`)
    })

    it('with a file: what was last good serves and says so, then what is current', async () => {
      const file = join(folder, 'last-good.json')
      await runBefore(file)
      await etcd.put('/alias', '/v2')
      await takeDown()
      const { proxy, get, troubled, rejected, hasTried } = await start(file)
      await proxy.ready({ timeoutMs: 30_000 })
      const { generation } = proxy.state
      expect((await get()).body).toBe('one\n')
      const savedAt = (await new LastGoodFile(file).load()).get('etcd-alias')?.savedAt
      const stale = { state: 'unavailable', version: '/v1', staleSince: savedAt }
      expect(proxy.state.providers).toMatchObject([stale])

      await first()
      await hasTried()
      expect((await get()).body).toBe('one\n')
      expect(proxy.state).toMatchObject({ generation, providers: [stale] })

      const start2 = performance.now()
      await second()
      await eventually(() => proxy.state.providers[0]?.version === '/v2', 'it is live', BACK_WITHIN_MS)
      const backMs = performance.now() - start2
      expect((await get()).body).toBe('two\n')
      expect(proxy.state.providers[0]?.staleSince).toBeUndefined()
      expect(troubled).toHaveLength(1)
      expect(rejected).toEqual([])
      console.log(`up came ${order}: current ${Math.round(backMs)} ms after the second began to start`)
    })
  },
)
