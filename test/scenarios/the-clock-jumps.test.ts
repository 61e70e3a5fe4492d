import { expect, it, onTestFinished } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { HostileLink } from '../support/hostile-link.js'

const HOUR_MS = 3_600_000

/** Sets the clock of this process: for whoever asks `Date`, not for monotonic time, as when a machine's clock is set. */
function jumpingClock(): { jump(ms: number): void } {
  const RealDate = Date
  let offsetMs = 0
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number]) {
      super(...((args.length === 0 ? [RealDate.now() + offsetMs] : args) as [number]))
    }
    static override now(): number {
      return RealDate.now() + offsetMs
    }
  } as DateConstructor
  onTestFinished(() => {
    globalThis.Date = RealDate
  })
  return {
    jump(ms) {
      offsetMs += ms
    },
  }
}

// T20 in docs/promises.md
it('a clock that jumps an hour ahead and two back makes no trouble, no storm and no stall', {
  timeout: 60_000,
}, async () => {
  const etcd = await EtcdServer.start()
  onTestFinished(() => etcd.stop())
  const link = await HostileLink.to(() => etcd.port)
  await using _link = link
  await etcd.put(ALIAS, '/v1')
  const clock = jumpingClock()
  await using following = await FollowingProxy.start(link.url)
  await following.serves('/v1', 30_000)
  const connections = link.accepted

  for (const [version, jumpMs] of [
    ['/v2', HOUR_MS],
    ['/v3', -2 * HOUR_MS],
    ['/v4', HOUR_MS],
  ] as const) {
    clock.jump(jumpMs)
    await etcd.put(ALIAS, version)
    await following.serves(version, 30_000)
  }
  expect(following.troubles).toEqual([])
  expect(link.accepted).toBe(connections)

  // Neither does it matter to what waits for its next try.
  await link.cut()
  await following.troubled(30_000)
  clock.jump(HOUR_MS)
  await link.mend()
  await etcd.put(ALIAS, '/v5')
  await following.serves('/v5', 30_000)
})
