import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'

// T9 in docs/promises.md
it('a flip that was compacted away during an outage is served after it', async () => {
  await using etcd = await EtcdServer.start()
  await using link = await HostileLink.to(() => etcd.port)
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(link.url)
  await following.serves('/v1', 30_000)

  const troubled = following.troubled(30_000)
  await link.cut()
  await troubled
  await etcd.put(ALIAS, '/v2')
  await etcd.put(ALIAS, '/v3')
  const revision = await etcd.put('/something/else', 'x')
  await etcd.etcdctl('compact', String(revision))
  await etcd.etcdctl('defrag')
  await link.mend()
  await following.serves('/v3', 30_000)
  await following.recovered()
  expect(following.live).toEqual(['/v1', '/v3'])
  expect(following.troubles).toHaveLength(1)
})

// T9 in docs/promises.md
it('a compaction and a defragmentation while all is well are no trouble', async () => {
  await using etcd = await EtcdServer.start()
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(etcd.url)
  await following.serves('/v1', 30_000)

  for (const version of ['/v2', '/v3', '/v4']) {
    const revision = await etcd.put(ALIAS, version)
    await etcd.etcdctl('compact', '--physical', String(revision))
    await etcd.etcdctl('defrag')
    await following.serves(version, 30_000)
  }
  expect(following.live).toEqual(['/v1', '/v2', '/v3', '/v4'])
  expect(following.troubles).toEqual([])
})
