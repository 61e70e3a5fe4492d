import { expect, it } from 'vitest'
import { KEPT_CASES } from '../fuzz/kept-cases.js'
import { fuzz, play } from '../fuzz/run.js'
import { Stage } from '../fuzz/stage.js'

const SECONDS = 30

it.each(Object.entries(KEPT_CASES))('%s', async (_, script) => {
  const stage = await new Stage().open()
  expect(await play(stage, script)).toEqual([])
  expect(await stage.close()).toBe(0)
})

it('whatever clients, servers and upgraded connections send, and whenever they leave, nothing is mixed up or left over', {
  timeout: (SECONDS + 30) * 1_000,
}, async () => {
  const seed = Date.now() % 1_000_000
  console.log(`fuzz: seed ${seed}; tsx test/fuzz/fuzz.ts --seed ${seed} repeats it`)
  const { cases, kinds, failure } = await fuzz(seed, SECONDS)
  console.log(`fuzz: ${cases} cases, ${JSON.stringify(kinds)}`)
  expect(failure).toBeUndefined()
  expect(Object.keys(kinds).sort()).toEqual(['pipeline', 'request', 'response', 'tunnel'])
  expect(cases).toBeGreaterThan(100)
})
