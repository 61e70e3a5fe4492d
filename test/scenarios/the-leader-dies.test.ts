import { expect, it } from 'vitest'
import { EtcdCluster } from '../support/etcd-cluster.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { eventually } from '../support/next-event.js'

// T7 in docs/promises.md
it.each([
  ['the member that the proxy is connected to', true],
  ['another member', false],
])(
  '%s leads and dies: a flip after the election is served',
  {
    timeout: 60_000,
  },
  async (_, connectedToLeader) => {
    await using cluster = await EtcdCluster.start()
    const { leader, followers } = await cluster.roles()
    const [follower, survivor] = [followers[0]!, followers[1]!]
    await survivor.put(ALIAS, '/v1')
    const members = connectedToLeader ? [leader, follower, survivor] : [follower, leader, survivor]
    await using following = await FollowingProxy.start(members.map(({ url }) => url))
    await following.serves('/v1', 30_000)

    await leader.kill()
    const isElected = async () => (await follower.leads()) || (await survivor.leads())
    await eventually(isElected, 'there is a new leader')
    await cluster.put(survivor, ALIAS, '/v2')
    await following.serves('/v2', 30_000)
    await cluster.put(survivor, ALIAS, '/v3')
    await following.serves('/v3', 30_000)
    expect(following.live).toEqual(['/v1', '/v2', '/v3'])
    // Others may have no leader for a moment, and then say so.
    expect(following.troubles.length).toBeLessThanOrEqual(1)
    if (connectedToLeader) expect(following.troubles).toHaveLength(1)
  },
)
