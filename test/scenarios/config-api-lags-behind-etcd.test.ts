import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { type ClusterOptions, type FollowedCluster, withCluster } from '../support/followed-cluster.js'
import { type Behaviour, json, type Question, status } from '../support/hostile-api.js'
import { eventually, nextEvent } from '../support/next-event.js'

// P1 and P2 in docs/promises.md.

const DEFAULT_GRACE_MS = 5_000

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

/** Complains in the load's list whenever version 2 is said to be live before there was anything right to install. */
function watchLabel({ proxy, prefixOf, load }: FollowedCluster): () => void {
  const look = () => {
    const { generation, providers } = proxy.state
    if (generation === 1 && providers[0]?.version !== prefixOf(1))
      load.failures.push(`generation 1 under the name ${providers[0]?.version}`)
  }
  const timer = setInterval(look, 1)
  return () => clearInterval(timer)
}

describe.concurrent('an API that still has the old version under the new prefix', () => {
  const lagging: Record<string, (cluster: FollowedCluster) => Behaviour> = {
    'says so in the body': ({ prefixOf, documents }) => json({ prefix: prefixOf(1), ...documents[1] }),
    'says so in a header': ({ prefixOf, documents }) =>
      json(documents[1], { 'x-config-prefix': prefixOf(1) }),
    'has nothing there yet': () => status(404),
  }

  it.each(Object.keys(lagging))(
    'and %s: it is asked again, never installed, and right a moment later',
    async (how) => {
      await withCluster(etcd, {}, async (cluster) => {
        const { api, proxy, documents, prefixOf, writeAlias, serves, changed, told } = cluster
        const prefix = prefixOf(2)
        const wrong = lagging[how]?.(cluster) as Behaviour
        api.on(prefix, wrong, wrong, wrong, wrong, json(documents[2], { 'x-config-prefix': prefix }))
        const stopWatching = watchLabel(cluster)
        const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
        await writeAlias(prefix)
        await switched
        stopWatching()
        await serves(2)
        expect(api.timesAsked(prefix)).toBe(5)
        expect(changed).toMatchObject([
          { generation: 1, version: prefixOf(1) },
          { generation: 2, version: prefix, verified: true },
        ])
        expect(told()).toEqual({ rejected: 0, troubled: 0, recovered: 0 })
      })
    },
  )

  it('for ever: it is refused once, after five seconds, and the old configuration serves on', async () => {
    await withCluster(etcd, {}, async (cluster) => {
      const { api, proxy, prefixOf, documents, writeAlias, serves, changed, told } = cluster
      const prefix = prefixOf(2)
      api.on(prefix, json({ prefix: prefixOf(1), ...documents[1] }))
      const stopWatching = watchLabel(cluster)
      const start = performance.now()
      const refused = nextEvent(proxy, 'configRejected', () => true, DEFAULT_GRACE_MS + 25_000)
      await writeAlias(prefix)
      const { version, error } = await refused
      expect(performance.now() - start).toBeGreaterThan(DEFAULT_GRACE_MS - 100)
      expect({ version, code: error.code }).toEqual({ version: prefix, code: 'PROXY_CONFIG_LAGGING' })
      expect(error.message).toContain(`the answer is for "${prefixOf(1)}", the request was for "${prefix}"`)
      // Once more with the whole grace would be long; that it asks on shows that it has not given up.
      await api.untilAsked(prefix, api.timesAsked(prefix) + 2)
      stopWatching()
      await serves(1)
      expect(changed).toHaveLength(1)
      expect(told()).toEqual({ rejected: 1, troubled: 0, recovered: 0 })
    })
  })
})

const LAG_GRACE_MS = 1_000

/** A service that serves frontends and backends apart, and says nothing of prefixes. */
const HALVES: ClusterOptions = {
  fetcher: { lagGraceMs: LAG_GRACE_MS },
  urlsOf: ({ origin }) => ({ frontends: `${origin}/frontends`, backends: `${origin}/backends` }),
}

describe.concurrent('frontends and backends of two versions', () => {
  const v = (version: string) => ({ version })

  it('that say their versions are read again until they are of one', async () => {
    await withCluster(etcd, HALVES, async (cluster) => {
      const { api, proxy, documents, writeAlias, prefixOf, serves, changed, told } = cluster
      const [old, next] = [documents[1], documents[2]]
      const oldFrontends = json({ ...v('1'), frontends: old.frontends })
      api.on('/frontends', oldFrontends, oldFrontends, json({ ...v('2'), frontends: next.frontends }))
      api.on('/backends', json({ ...v('2'), backends: next.backends }))
      const stopWatching = watchLabel(cluster)
      const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
      await writeAlias(prefixOf(2))
      expect(await switched).toMatchObject({ generation: 2, version: '2', verified: false })
      stopWatching()
      await serves(2)
      expect(changed).toHaveLength(2)
      expect(told()).toEqual({ rejected: 0, troubled: 0, recovered: 0 })
    })
  })

  it('that say so for ever are refused once with both versions, and the old configuration serves on', async () => {
    await withCluster(etcd, HALVES, async ({ api, proxy, documents, writeAlias, prefixOf, serves, told }) => {
      api.on('/frontends', json({ ...v('1'), frontends: documents[1].frontends }))
      api.on('/backends', json({ ...v('2'), backends: documents[2].backends }))
      const refused = nextEvent(proxy, 'configRejected', () => true, LAG_GRACE_MS + 25_000)
      await writeAlias(prefixOf(2))
      const { error } = await refused
      expect(error.code).toBe('PROXY_CONFIG_LAGGING')
      expect(error.message).toContain('frontends and backends are of different versions: "1" and "2"')
      const before = asked(api.asked)
      await eventually(() => asked(api.asked) > before + 1, 'it is asked on')
      await serves(1)
      expect(proxy.state.generation).toBe(1)
      expect(told()).toEqual({ rejected: 1, troubled: 0, recovered: 0 })
    })
  })

  it('that say nothing are noticed by frontends that change while the backends are read', async () => {
    await withCluster(etcd, HALVES, async (cluster) => {
      const { api, proxy, documents, writeAlias, prefixOf, serves, changed, told } = cluster
      // The operator's write falls between the first question and the second.
      api.on(
        '/frontends',
        json({ frontends: documents[1].frontends }),
        json({ frontends: documents[2].frontends }),
      )
      api.on('/backends', json({ backends: documents[2].backends }))
      const stopWatching = watchLabel(cluster)
      const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
      await writeAlias(prefixOf(2))
      expect(await switched).toMatchObject({ generation: 2, version: prefixOf(2), verified: false })
      stopWatching()
      // A mixture of the two would show in every answer.
      await serves(2)
      expect(changed).toHaveLength(2)
      expect(told()).toEqual({ rejected: 0, troubled: 0, recovered: 0 })
    })
  })

  it('that change with every question are refused once, and taken when they stand still', async () => {
    await withCluster(etcd, HALVES, async ({ api, proxy, documents, writeAlias, prefixOf, serves, told }) => {
      let question = 0
      api.on('/frontends', (res, req) => {
        question += 1
        json({ frontends: documents[question % 2 === 1 ? 1 : 2].frontends })(res, req)
      })
      api.on('/backends', json({ backends: documents[2].backends }))
      const refused = nextEvent(proxy, 'configRejected', () => true, LAG_GRACE_MS + 25_000)
      await writeAlias(prefixOf(2))
      const { error } = await refused
      expect(error.code).toBe('PROXY_CONFIG_LAGGING')
      expect(error.message).toContain('the frontends changed while the backends were read')
      await serves(1)
      const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
      api.on('/frontends', json({ frontends: documents[2].frontends }))
      expect(await switched).toMatchObject({ generation: 2 })
      await serves(2)
      expect(told()).toEqual({ rejected: 1, troubled: 0, recovered: 0 })
    })
  })
})

function asked(questions: readonly Question[]): number {
  return questions.filter(({ url }) => url.startsWith('/backends')).length
}
