import { afterAll, beforeAll, describe, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually } from '../support/next-event.js'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

// T5 in docs/promises.md
describe('a network that swallows what is sent, and leaves the connections open', () => {
  it.concurrent.for([
    ['both ways', ['up', 'down']],
    ['to etcd', ['up']],
    ['from etcd', ['down']],
  ] as const)(
    '%s: is noticed and told once; a flip is served after its end',
    {
      timeout: 60_000,
    },
    async ([name, directions], { expect }) => {
      const alias = `/alias ${name}`
      await etcd.put(alias, '/v1')
      await using link = await HostileLink.to(() => etcd.port)
      await using following = await FollowingProxy.start(link.url, alias)
      await following.serves('/v1', 30_000)

      const troubled = following.troubled(30_000)
      link.drop(directions)
      await troubled
      // Every new attempt is swallowed too, and is no new trouble.
      const { accepted } = link
      await eventually(() => link.accepted >= accepted + 2, 'it is tried again')
      expect(await following.answer()).toBe('/v1')
      await etcd.put(alias, '/v2')
      await link.mend()
      await following.serves('/v2', 30_000)
      await following.recovered()

      // What comes next is an event of the new watch; nothing else was told in between.
      await etcd.put(alias, '/v3')
      await following.serves('/v3', 30_000)
      expect(following.live).toEqual(['/v1', '/v2', '/v3'])
      expect(following.troubles).toHaveLength(1)
      expect(following.recoveries).toBe(1)
    },
  )

  it.concurrent('a far side that went away without a word is noticed, and left behind', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const alias = '/alias half open'
    await etcd.put(alias, '/v1')
    await using link = await HostileLink.to(() => etcd.port)
    await using following = await FollowingProxy.start(link.url, alias)
    await following.serves('/v1', 30_000)

    const troubled = following.troubled(30_000)
    link.halfOpen()
    await etcd.put(alias, '/v2')
    await troubled
    await following.serves('/v2', 30_000)
    await following.recovered()
    expect(following.live).toEqual(['/v1', '/v2'])
    expect(following.troubles).toHaveLength(1)
    expect(following.recoveries).toBe(1)
  })
})
