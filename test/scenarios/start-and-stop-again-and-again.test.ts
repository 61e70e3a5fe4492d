import { it } from 'vitest'
import { expectCyclesLeaveNothing } from '../support/cycles.js'

// P10 in docs/promises.md. Ten times as many are in test/long.

it(
  'a hundred starts and stops in one process leave no socket, timer, listener or memory behind',
  {
    timeout: 90_000,
  },
  () => expectCyclesLeaveNothing(100, 60_000),
)
