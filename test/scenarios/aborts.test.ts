import { it } from 'vitest'
import { expectAbortsLeaveNothing } from '../support/aborts.js'

it(
  'a thousand mixed aborts leave no socket and no memory behind, and every server is told',
  {
    timeout: 120_000,
  },
  () => expectAbortsLeaveNothing(1_000),
)
