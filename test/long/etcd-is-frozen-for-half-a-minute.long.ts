import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'

const FROZEN_MS = 30_000

// T4 in docs/promises.md
it('an etcd that freezes is told of once, within 10 s; a flip is served within 6 s after it thawed', {
  timeout: 90_000,
}, async () => {
  await using etcd = await EtcdServer.start()
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(etcd.url)
  await following.serves('/v1', 5_000)

  const troubled = following.troubled(10_000)
  const thaw = delay(FROZEN_MS)
  await etcd.pause()
  await troubled
  await thaw
  expect(await following.answer()).toBe('/v1')
  etcd.resume()
  await etcd.put(ALIAS, '/v2')
  await following.serves('/v2', 6_000)
  await following.recovered()
  expect(following.live).toEqual(['/v1', '/v2'])
  expect(following.troubles).toHaveLength(1)
  expect(following.recoveries).toBe(1)
})

// T4 in docs/promises.md
it('an etcd that was frozen from the first connection on is told of once, and followed when it thawed', {
  timeout: 90_000,
}, async () => {
  await using etcd = await EtcdServer.start()
  await etcd.put(ALIAS, '/v1')
  const thaw = delay(FROZEN_MS)
  await etcd.pause()
  await using following = await FollowingProxy.start(etcd.url)
  await following.troubled(10_000)
  await thaw
  expect(await following.answer()).toBe('503')
  etcd.resume()
  await following.serves('/v1', 6_000)
  await following.recovered()
  await etcd.put(ALIAS, '/v2')
  await following.serves('/v2', 2_000)
  expect(following.live).toEqual(['/v1', '/v2'])
  expect(following.troubles).toHaveLength(1)
  expect(following.recoveries).toBe(1)
})
