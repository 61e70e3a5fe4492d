import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { eventually } from '../support/next-event.js'

// T16 in docs/promises.md
it('the same value written again is fetched again, and swaps nothing while the document is the same', async () => {
  await using etcd = await EtcdServer.start()
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(etcd.url)
  await following.serves('/v1', 30_000)

  await etcd.put(ALIAS, '/v1')
  await eventually(() => following.fetched.length === 2, 'it is fetched again', 30_000)
  await etcd.put(ALIAS, '/v2')
  await following.serves('/v2', 30_000)
  expect(following.fetched).toEqual(['/v1', '/v1', '/v2'])
  expect(following.live).toEqual(['/v1', '/v2'])
  expect(following.proxy.state.generation).toBe(2)
})

// T16 in docs/promises.md
it('a flip that is taken back while its document is fetched is never served', async () => {
  await using etcd = await EtcdServer.start()
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(etcd.url)
  await following.serves('/v1', 30_000)

  following.withhold('/v2')
  await etcd.put(ALIAS, '/v2')
  await eventually(() => following.fetched.includes('/v2'), 'it is fetched', 30_000)
  await etcd.put(ALIAS, '/v1')
  await eventually(() => following.fetched.length === 3, 'the one before is fetched', 30_000)
  following.release('/v2')
  await etcd.put(ALIAS, '/v3')
  await following.serves('/v3', 30_000)
  expect(following.fetched).toEqual(['/v1', '/v2', '/v1', '/v3'])
  expect(following.live).toEqual(['/v1', '/v3'])
  expect(following.troubles).toEqual([])
})
