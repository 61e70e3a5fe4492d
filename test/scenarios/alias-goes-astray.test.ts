import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call } from '../support/etcd-gateway.js'
import { EtcdServer } from '../support/etcd-server.js'
import { type ClusterOptions, type FollowedCluster, withCluster } from '../support/followed-cluster.js'
import { json } from '../support/hostile-api.js'
import { eventually, nextEvent } from '../support/next-event.js'

// P2 in docs/promises.md. An empty value, one that holds "..", and a prefix under which nothing stands: bad-input.test.ts.

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

/** The next good value is followed at once, and each trouble was told of once. */
async function expectNextIsFollowed(
  cluster: FollowedCluster,
  told: ReturnType<FollowedCluster['told']>,
): Promise<void> {
  const { api, proxy, documents, prefixOf, writeAlias, serves } = cluster
  await serves(1)
  expect(proxy.state).toMatchObject({ generation: 1, providers: [{ version: prefixOf(1) }] })
  api.on(prefixOf(2), json({ prefix: prefixOf(2), ...documents[2] }))
  const switched = nextEvent(proxy, 'configChanged')
  await writeAlias(prefixOf(2))
  expect(await switched).toMatchObject({ generation: 2, version: prefixOf(2), verified: true })
  await serves(2)
  await eventually(() => cluster.told().recovered === told.recovered, 'it is well again')
  expect(cluster.told()).toEqual(told)
}

describe.concurrent('the old configuration serves on, and the next value is followed, when the alias', () => {
  it('is deleted', async () => {
    await withCluster(etcd, {}, async (cluster) => {
      const trouble = nextEvent(cluster.proxy, 'providerUnavailable')
      await cluster.deleteAlias()
      const { error } = await trouble
      expect(error).toMatchObject({ code: 'PROXY_ALIAS_MISSING' })
      expect(error.message).toContain(`${cluster.root}/alias`)
      await expectNextIsFollowed(cluster, { rejected: 0, troubled: 1, recovered: 1 })
    })
  })

  const within = (cluster: FollowedCluster) => `${cluster.root}/v`
  const values: Record<string, { value: (cluster: FollowedCluster) => string; says: RegExp }> = {
    'is 1 MiB long': {
      value: (cluster) => within(cluster) + 'x'.repeat(1024 * 1024 - 100),
      says: /is longer than 1024 bytes/,
    },
    'holds control characters': {
      value: (cluster) => `${within(cluster)}\u0000\u0001`,
      says: /control character/,
    },
  }

  it.each(Object.keys(values))('%s', async (what) => {
    await withCluster(etcd, {}, async (cluster) => {
      const { value, says } = values[what] as (typeof values)[string]
      const refused = nextEvent(cluster.proxy, 'configRejected')
      await cluster.writeAlias(value(cluster))
      const { error } = await refused
      expect(error.code).toBe('PROXY_ALIAS_INVALID')
      expect(error.message).toMatch(says)
      // What is shown to people stays readable, however long the value is.
      expect(error.message.length).toBeLessThan(2_000)
      await expectNextIsFollowed(cluster, { rejected: 1, troubled: 0, recovered: 0 })
    })
  })

  it('is binary', async () => {
    await withCluster(etcd, {}, async (cluster) => {
      const key = Buffer.from(`${cluster.root}/alias`).toString('base64')
      const value = Buffer.concat([Buffer.from(within(cluster)), Buffer.from([0xff, 0xfe, 0xc0])])
      const refused = nextEvent(cluster.proxy, 'configRejected')
      await call(etcd.port, '/v3/kv/put', { key, value: value.toString('base64') })
      const { error } = await refused
      expect(error.code).toBe('PROXY_ALIAS_INVALID')
      expect(error.message).toContain('is not UTF-8')
      await expectNextIsFollowed(cluster, { rejected: 1, troubled: 0, recovered: 0 })
    })
  })

  it("names another cluster's prefix", async () => {
    await withCluster(etcd, {}, async (other) => {
      const options: ClusterOptions = { ownPrefixOnly: true }
      await withCluster(etcd, options, async (cluster) => {
        const foreign = other.prefixOf(1)
        cluster.api.on(foreign, json({ prefix: foreign, ...other.documents[1] }))
        const refused = nextEvent(cluster.proxy, 'configRejected')
        await cluster.writeAlias(foreign)
        const { error } = await refused
        expect(error.code).toBe('PROXY_ALIAS_INVALID')
        expect(error.message).toContain(cluster.root)
        expect(cluster.api.timesAsked(foreign)).toBe(0)
        await expectNextIsFollowed(cluster, { rejected: 1, troubled: 0, recovered: 0 })
      })
      await other.serves(1)
    })
  })
})
