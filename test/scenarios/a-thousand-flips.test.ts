import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'

const FLIPS = 1_000
const PER_SECOND = 200

const numberOf = (prefix: string) => Number(prefix.slice('/v'.length))
const inOrder = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)

// T15 in docs/promises.md
it('of a thousand flips, up to 200 a second, the last is served in the end, and none before one that was', {
  timeout: 60_000,
}, async () => {
  await using etcd = await EtcdServer.start()
  await etcd.put(ALIAS, '/v0')
  await using following = await FollowingProxy.start(etcd.url)
  await following.serves('/v0', 30_000)
  // Up to four flips long, so that an answer for an older one can come after one for a newer.
  following.fetchMs = (prefix) => (numberOf(prefix) * 7) % 20

  const seen: number[] = []
  const start = performance.now()
  for (let flip = 1; flip <= FLIPS; flip++) {
    const [answer] = await Promise.all([following.answer(), etcd.put(ALIAS, `/v${flip}`)])
    seen.push(numberOf(answer))
    await delay(Math.max(0, start + (flip * 1_000) / PER_SECOND - performance.now()))
  }
  await following.serves(`/v${FLIPS}`, 30_000)

  expect(seen).toEqual(inOrder(seen))
  const live = following.live.map(numberOf)
  expect(live).toEqual(inOrder([...new Set(live)]))
  expect(following.fetched.length).toBeLessThanOrEqual(FLIPS + 1)
  expect(following.troubles).toEqual([])
})
