import { setTimeout as delay } from 'node:timers/promises'
import { EtcdAliasProvider } from 'switchover'
import { describe, it } from 'vitest'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { GuardedEtcd } from '../support/guarded-etcd.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually } from '../support/next-event.js'

const LIMITS = { timeout: 60_000 }

/** A network to it, which also counts the attempts. */
const linkTo = (etcd: GuardedEtcd) => HostileLink.to(() => etcd.server.port)

/** Every attempt makes a connection, at least. */
async function severalAttempts(link: HostileLink): Promise<void> {
  const { accepted } = link
  await eventually(() => link.accepted >= accepted + 6, 'it is tried again and again')
}

const NOT_ENABLED = (url: string) =>
  `etcd ${url}: etcdserver: authentication is not enabled; auth names the user "proxy", ` +
  'but this etcd asks for none: run etcdctl auth enable, or remove auth'

// T11 in docs/promises.md
describe.concurrent('a token that expires', () => {
  const TTL = ['--auth-token', 'simple', '--auth-token-ttl', '3']

  /** No event tells that a token has expired: the time itself is what is tested. */
  const EXPIRED_MS = 10_000

  it('is renewed by the read that needs it, and that is no trouble', LIMITS, async ({ expect }) => {
    await using etcd = await GuardedEtcd.start(TTL)
    await using link = await linkTo(etcd)
    await etcd.put('/v1')
    await using following = await FollowingProxy.start(link.url, ALIAS, { auth: etcd.user })
    await following.serves('/v1', 30_000)
    const { accepted } = link
    await delay(EXPIRED_MS)
    await etcd.put('/v2')
    await following.serves('/v2', 30_000)
    expect(following.troubles).toEqual([])
    expect(link.accepted).toBe(accepted)
  })

  it('does not matter to a session that takes the place of one that was cut', LIMITS, async ({ expect }) => {
    await using etcd = await GuardedEtcd.start(TTL)
    await using link = await linkTo(etcd)
    await etcd.put('/v1')
    await using following = await FollowingProxy.start(link.url, ALIAS, { auth: etcd.user })
    await following.serves('/v1', 30_000)
    await delay(EXPIRED_MS)
    link.reset()
    await etcd.put('/v2')
    await following.serves('/v2', 30_000)
    await following.recovered()
    expect(following.troubles).toHaveLength(1)
  })
})

// T12 in docs/promises.md
describe.concurrent('etcd asks who is there', () => {
  it(
    'a wrong password is told with the name of the user, once, and is waited for',
    LIMITS,
    async ({ expect }) => {
      await using etcd = await GuardedEtcd.start()
      await using link = await linkTo(etcd)
      await etcd.put('/v1')
      const auth = { ...etcd.user, password: 'open barley' }
      await using following = await FollowingProxy.start(link.url, ALIAS, { auth })
      await eventually(() => following.troubles.length > 0, 'it is told')
      const unready = await following.proxy.ready({ timeoutMs: 2_000 }).catch((error: Error) => error)
      expect(unready).toMatchObject({ code: 'PROXY_NOT_READY' })
      const told =
        `etcd ${link.url}: etcdserver: authentication failed, invalid user ID or password; ` +
        'there is no user "proxy" with the password in auth.password'
      expect(String(unready)).toContain(told)
      expect(String(unready)).not.toContain('barley')
      await severalAttempts(link)

      await etcd.deleteUser()
      await etcd.addUser(auth.password)
      await following.serves('/v1', 30_000)
      await following.recovered()
      expect(following.troubles).toEqual([told])
    },
  )

  it(
    'a permission that is revoked is told with user and key; one that is granted again is enough',
    LIMITS,
    async ({ expect }) => {
      await using etcd = await GuardedEtcd.start()
      await using link = await linkTo(etcd)
      await etcd.put('/v1')
      await using following = await FollowingProxy.start(link.url, ALIAS, { auth: etcd.user })
      await following.serves('/v1', 30_000)

      const troubled = following.troubled(30_000)
      await etcd.revoke()
      // The watch that is open still rings; the read that follows is refused, and so is the next watch.
      await etcd.put('/v2')
      expect(await troubled).toBe(
        `etcd ${link.url}: etcdserver: permission denied; ` +
          'the user "proxy" may not read /alias: see etcdctl role grant-permission',
      )
      await severalAttempts(link)
      expect(await following.answer()).toBe('/v1')

      await etcd.grant()
      await following.serves('/v2', 30_000)
      await following.recovered()
      expect(following.live).toEqual(['/v1', '/v2'])
      expect(following.troubles).toHaveLength(1)
    },
  )

  it(
    'a user who is deleted while a session is open is told, and one made again is enough',
    LIMITS,
    async ({ expect }) => {
      await using etcd = await GuardedEtcd.start()
      await using link = await linkTo(etcd)
      await etcd.put('/v1')
      await using following = await FollowingProxy.start(link.url, ALIAS, { auth: etcd.user })
      await following.serves('/v1', 30_000)

      const troubled = following.troubled(30_000)
      await etcd.deleteUser()
      await etcd.put('/v2')
      expect(await troubled).toContain('there is no user "proxy" with the password in auth.password')
      await severalAttempts(link)
      await etcd.addUser(etcd.user.password)
      await following.serves('/v2', 30_000)
      await following.recovered()
      expect(following.troubles).toHaveLength(1)
    },
  )

  it(
    'authentication switched off under a session is told, and followed when it is on again',
    LIMITS,
    async ({ expect }) => {
      await using etcd = await GuardedEtcd.start()
      await using link = await linkTo(etcd)
      await etcd.put('/v1')
      await using following = await FollowingProxy.start(link.url, ALIAS, { auth: etcd.user })
      await following.serves('/v1', 30_000)

      const troubled = following.troubled(30_000)
      await etcd.unguard()
      await etcd.put('/v2')
      expect(await troubled).toBe(NOT_ENABLED(link.url))
      await severalAttempts(link)
      expect(await following.answer()).toBe('/v1')
      await etcd.guard()
      await following.serves('/v2', 30_000)
      await following.recovered()
      expect(following.troubles).toHaveLength(1)
    },
  )

  it('a user given to an etcd that asks for none is told, until it asks', LIMITS, async ({ expect }) => {
    await using etcd = await GuardedEtcd.start()
    await using link = await linkTo(etcd)
    await etcd.put('/v1')
    await etcd.unguard()
    await using following = await FollowingProxy.start(link.url, ALIAS, { auth: etcd.user })
    await severalAttempts(link)
    await etcd.guard()
    await following.serves('/v1', 30_000)
    await following.recovered()
    expect(following.troubles).toEqual([NOT_ENABLED(link.url)])
  })

  it(
    'no user given to an etcd that begins to ask for one is told, until it asks no more',
    LIMITS,
    async ({ expect }) => {
      await using etcd = await GuardedEtcd.start()
      await using link = await linkTo(etcd)
      await etcd.put('/v1')
      await etcd.unguard()
      await using following = await FollowingProxy.start(link.url)
      await following.serves('/v1', 30_000)

      const troubled = following.troubled(30_000)
      await etcd.guard()
      await etcd.put('/v2')
      expect(await troubled).toBe(
        `etcd ${link.url}: etcdserver: user name is empty; this etcd asks for a user: give auth`,
      )
      await severalAttempts(link)
      await etcd.unguard()
      await following.serves('/v2', 30_000)
      await following.recovered()
      expect(following.troubles).toHaveLength(1)
    },
  )

  it.for([
    [{ username: '', password: 'x' }, 'auth.username: expected the name of an etcd user'],
    [{ username: 'proxy', password: undefined }, 'auth.password: expected a text, found nothing'],
    [{ username: 'proxy', passwort: 'x' }, 'there is no option auth.passwort'],
  ] as const)('%o is refused at once, with the name of the option', ([auth, message], { expect }) => {
    const fetcher = { fetch: async () => ({ frontends: {}, backends: {} }) }
    const hosts = 'http://127.0.0.1:2379'
    const make = () => new EtcdAliasProvider({ hosts, aliasKey: ALIAS, fetcher, auth: auth as never })
    expect(make).toThrow(expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }))
    expect(make).toThrow(message)
  })
})
