import { describe, it } from 'vitest'
import { expectSlowDownload, expectSlowUpload } from '../support/gigabyte.js'

describe('a gigabyte through the proxy, as slowly as the other side takes it,', () => {
  it('to a slow client arrives whole, and little of it is ever in memory', () => expectSlowDownload(1_024))

  it('to a slow server arrives whole, and little of it is ever in memory', () => expectSlowUpload(1_024))
})
