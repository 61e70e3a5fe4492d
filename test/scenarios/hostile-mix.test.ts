import { expect, it } from 'vitest'
import { percentile } from '../bench/parts/percentiles.js'
import { hostile } from '../hostile/run.js'

const SECONDS = 30
const MAX_LEFT_MIB = 64

it('hostile clients, servers and documents harm nobody beside them', {
  timeout: (SECONDS + 90) * 1_000,
}, async () => {
  const seed = Date.now() % 1_000_000
  console.log(`hostile: seed ${seed}; npm run hostile -- --seed ${seed} repeats it`)
  const {
    kinds,
    quiet,
    hostile: beside,
    failures,
    moreMiB,
    leftMiB,
    rejected,
    changed,
    ended,
  } = await hostile({ seed, seconds: SECONDS })
  const p99 = (times: readonly number[]) => percentile(times, 0.99).toFixed(1)
  console.log(
    `hostile: ${Object.keys(kinds).length} kinds, ${beside.length} requests beside them, p99 ${p99(beside)} ms (quiet: ${p99(quiet)} ms), ${moreMiB.toFixed(0)} MiB more at most, ${leftMiB.toFixed(0)} at the end, ${rejected} refusals, ${changed} switches`,
  )
  expect(ended).toBeUndefined()
  expect(failures).toEqual([])
  expect(Object.keys(kinds).length).toBeGreaterThan(5)
  expect(rejected).toBeGreaterThan(0)
  expect(leftMiB).toBeLessThanOrEqual(MAX_LEFT_MIB)
})
