import { it } from 'vitest'
import { expectAbortsLeaveNothing } from '../support/aborts.js'

it('ten thousand mixed aborts leave no socket and no memory behind, and every server is told within a second', () =>
  expectAbortsLeaveNothing(10_000))
