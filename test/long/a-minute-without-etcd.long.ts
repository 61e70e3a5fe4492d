import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'

// T3 in docs/promises.md
it('a flip is served within 6 s after etcd, killed for a minute, can be reached again', {
  timeout: 120_000,
}, async () => {
  await using etcd = await EtcdServer.start()
  await using link = await HostileLink.to(() => etcd.port)
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(link.url)
  await following.serves('/v1', 5_000)

  await link.cut()
  await etcd.kill()
  await delay(60_000)
  expect(await following.answer()).toBe('/v1')
  await etcd.restart()
  await etcd.put(ALIAS, '/v2')
  await link.mend()
  await following.serves('/v2', 6_000)
  await following.recovered()
  expect(following.live).toEqual(['/v1', '/v2'])
  expect(following.troubles).toHaveLength(1)
  expect(following.recoveries).toBe(1)
})
