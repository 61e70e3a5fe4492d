import { afterAll, beforeAll, expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { withCluster } from '../support/followed-cluster.js'
import { HostileApi, json, status } from '../support/hostile-api.js'
import { nextEvent } from '../support/next-event.js'

// P2 in docs/promises.md.

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

it('a redirect to another host is not followed: nobody asks there, and the error names it', async () => {
  const elsewhere = await HostileApi.start()
  try {
    await withCluster(etcd, { fetcher: { headers: { authorization: 'Bearer s3cret' } } }, async (cluster) => {
      const { api, proxy, documents, prefixOf, writeAlias, serves, told } = cluster
      const prefix = prefixOf(2)
      const right = json({ prefix, ...documents[2] })
      elsewhere.otherwise(right)
      const location = `http://localhost:${elsewhere.port}/config?prefix=${prefix}`
      const codes = [301, 302, 303, 307, 308]
      api.on(prefix, ...codes.map((code) => status(code, 'moved', { location })))
      const trouble = nextEvent(proxy, 'providerUnavailable')
      await writeAlias(prefix)
      const { error } = await trouble
      expect(error).toMatchObject({ code: 'PROXY_CONFIG_UNREACHABLE' })
      expect(error.message).toContain(`status 301, a redirect to ${location}, which is not followed`)
      await api.untilAsked(prefix, codes.length + 1)
      await serves(1)
      expect(elsewhere.asked).toEqual([])
      expect(proxy.state.generation).toBe(1)

      const recovered = nextEvent(proxy, 'providerRecovered')
      api.on(prefix, right)
      await recovered
      await serves(2)
      expect(told()).toEqual({ rejected: 0, troubled: 1, recovered: 1 })
      expect(elsewhere.asked).toEqual([])
    })
  } finally {
    await elsewhere.close()
  }
})
