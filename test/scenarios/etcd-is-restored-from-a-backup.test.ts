import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually } from '../support/next-event.js'

async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchover-restore-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

// T10 in docs/promises.md
it('what a restored store says is served, though its revision is older; then the next flip', {
  timeout: 60_000,
}, async () => {
  const snapshot = join(await scratchFolder(), 'snapshot.db')
  await using etcd = await EtcdServer.start()
  const restoredAt = await etcd.put(ALIAS, '/v1')
  await etcd.etcdctl('snapshot', 'save', snapshot)
  for (const version of ['/v2', '/v3', '/v4']) await etcd.put(ALIAS, version)
  await using following = await FollowingProxy.start(etcd.url)
  await following.serves('/v4', 30_000)

  await etcd.restartFrom(snapshot)
  await following.serves('/v1', 30_000)
  await following.recovered()
  // Written at a revision that the lost store had too.
  expect(await etcd.put(ALIAS, '/v5')).toBe(restoredAt + 1)
  await following.serves('/v5', 30_000)
  expect(following.live).toEqual(['/v4', '/v1', '/v5'])
  expect(following.troubles).toHaveLength(1)
  expect(following.recoveries).toBe(1)
})

// T10 in docs/promises.md
it('a flip in a restored store is served, though its revision is the very one that the proxy knows', {
  timeout: 60_000,
}, async () => {
  const snapshot = join(await scratchFolder(), 'snapshot.db')
  await using etcd = await EtcdServer.start()
  await using link = await HostileLink.to(() => etcd.port)
  await etcd.put(ALIAS, '/v1')
  await etcd.etcdctl('snapshot', 'save', snapshot)
  const known = await etcd.put(ALIAS, '/v2')
  await using following = await FollowingProxy.start(link.url)
  await following.serves('/v2', 30_000)

  await link.cut()
  await etcd.restartFrom(snapshot)
  expect(await etcd.put(ALIAS, '/v3')).toBe(known)
  await link.mend()
  await following.serves('/v3', 30_000)
  expect(following.live).toEqual(['/v2', '/v3'])
})

// T10 in docs/promises.md
it('a store that begins anew empties nothing, and its first flip is served', {
  timeout: 60_000,
}, async () => {
  await using etcd = await EtcdServer.start()
  await using link = await HostileLink.to(() => etcd.port)
  for (const version of ['/v1', '/v2', '/v3']) await etcd.put(ALIAS, version)
  await using following = await FollowingProxy.start(link.url)
  await following.serves('/v3', 30_000)

  await link.cut()
  await etcd.restartFrom()
  const { accepted } = link
  await link.mend()
  // Two connections per session: the second session is the one that is believed. The key is missing there.
  await eventually(() => link.accepted >= accepted + 4, 'it is read once more')
  expect(await following.answer()).toBe('/v3')
  await etcd.put(ALIAS, '/v9')
  await following.serves('/v9', 30_000)
  await following.recovered()
  await etcd.put(ALIAS, '/v10')
  await following.serves('/v10', 30_000)
  expect(following.live).toEqual(['/v3', '/v9', '/v10'])
  expect(following.troubles).toHaveLength(1)
  expect(following.recoveries).toBe(1)
})
