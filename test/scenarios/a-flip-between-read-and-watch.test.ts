import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { asksToWatch } from '../support/etcd-wire.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually } from '../support/next-event.js'

/** Holds the next request to watch back on its way, and nothing else: whoever would read meanwhile can. */
function holdNextWatch(link: HostileLink): Promise<void> {
  let held = false
  link.pieceFate = (piece, direction) => {
    if (held || direction !== 'up' || !asksToWatch(piece, ALIAS)) return 'pass'
    held = true
    return 'hold'
  }
  return eventually(() => held, 'a request to watch is on its way')
}

// T1 in docs/promises.md
it('a flip while the request to watch is on its way is served, and once', async () => {
  await using etcd = await EtcdServer.start()
  await using link = await HostileLink.to(() => etcd.port)
  await etcd.put(ALIAS, '/v1')
  const firstWatch = holdNextWatch(link)
  await using following = await FollowingProxy.start(link.url)
  await firstWatch
  await etcd.put(ALIAS, '/v2')
  await link.mend()
  await following.serves('/v2', 30_000)

  // The same for the watch that follows a lost connection.
  const nextWatch = holdNextWatch(link)
  link.reset()
  await nextWatch
  await etcd.put(ALIAS, '/v3')
  await link.mend()
  await following.serves('/v3', 30_000)

  await etcd.put(ALIAS, '/v4')
  await following.serves('/v4', 30_000)
  expect(following.live).toEqual(['/v2', '/v3', '/v4'])
  expect(following.fetched).toEqual(['/v2', '/v3', '/v4'])
})
