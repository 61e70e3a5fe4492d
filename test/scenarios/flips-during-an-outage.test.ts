import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { acknowledgesWatch } from '../support/etcd-wire.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually } from '../support/next-event.js'

// T2 in docs/promises.md
it('a flip during an outage is served though the new connections break as soon as the watch stands', async () => {
  await using etcd = await EtcdServer.start()
  await using link = await HostileLink.to(() => etcd.port)
  await etcd.put(ALIAS, '/v1')
  await using following = await FollowingProxy.start(link.url)
  await following.serves('/v1', 30_000)

  await link.cut()
  await etcd.put(ALIAS, '/v2')
  let cuts = 0
  link.pieceFate = (piece, direction) => {
    if (cuts === 3 || direction !== 'down' || !acknowledgesWatch(piece)) return 'pass'
    cuts += 1
    return 'cut'
  }
  await link.mend()
  await eventually(() => cuts === 3, 'three watches were cut at their acknowledgement')
  await following.serves('/v2', 30_000)
  await following.recovered()
  expect(following.live).toEqual(['/v1', '/v2'])
  expect(following.troubles).toHaveLength(1)
})

// T3 in docs/promises.md; an outage of a minute is in test/long
it.each([500, 5_000])(
  'a flip is served after etcd, killed for %i ms, can be reached again',
  {
    timeout: 60_000,
  },
  async (outageMs) => {
    await using etcd = await EtcdServer.start()
    await using link = await HostileLink.to(() => etcd.port)
    await etcd.put(ALIAS, '/v1')
    await using following = await FollowingProxy.start(link.url)
    await following.serves('/v1', 30_000)

    await link.cut()
    await etcd.kill()
    await delay(outageMs)
    expect(await following.answer()).toBe('/v1')
    await etcd.restart()
    await etcd.put(ALIAS, '/v2')
    await link.mend()
    await following.serves('/v2', 30_000)
    await following.recovered()
    expect(following.live).toEqual(['/v1', '/v2'])
    expect(following.troubles).toHaveLength(1)
    await link.cut()
  },
)
