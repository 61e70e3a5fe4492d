import { it } from 'vitest'
import { expectCyclesLeaveNothing } from '../support/cycles.js'

// P10 in docs/promises.md.

it(
  'a thousand starts and stops in one process leave no socket, timer, listener or memory behind',
  {
    timeout: 420_000,
  },
  () => expectCyclesLeaveNothing(1_000, 360_000),
)
