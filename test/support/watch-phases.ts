import { afterEach, expect } from 'vitest'
import { NEXT_PHASES, watchPhases } from '../../src/engine/phase.js'

/** Changes of phases that the table does not have, in the test that runs. */
const illegal: string[] = []

watchPhases((from, to) => {
  if (!NEXT_PHASES[from].includes(to)) illegal.push(`${from} -> ${to}`)
})

afterEach(() => {
  expect(illegal.splice(0), 'steps of exchanges that NEXT_PHASES does not have').toEqual([])
})
