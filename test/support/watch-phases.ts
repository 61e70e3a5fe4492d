import { afterAll, afterEach, expect } from 'vitest'
import { NEXT_PHASES, watchPhases } from '../../src/engine/phase.js'

/** Changes of phases that the table does not have, in the test that runs. */
const illegal: string[] = []

watchPhases((from, to) => {
  if (!NEXT_PHASES[from].includes(to)) illegal.push(`${from} -> ${to}`)
})

const check = () => {
  expect(illegal.splice(0), 'steps of exchanges that NEXT_PHASES does not have').toEqual([])
}

afterEach(check)
// What a test leaves to `onTestFinished`, such as the end of an engine, runs after `afterEach`.
afterAll(check)
