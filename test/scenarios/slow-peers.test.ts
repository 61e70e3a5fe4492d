import { describe, it } from 'vitest'
import { expectSlowDownload, expectSlowUpload } from '../support/gigabyte.js'

// The same with a gigabyte: test/long/a-gigabyte.long.ts.
describe('256 MB through the proxy, as slowly as the other side takes them,', { timeout: 60_000 }, () => {
  it('to a slow client arrive whole, and little of them is ever in memory', () => expectSlowDownload(256))

  it('to a slow server arrive whole, and little of them is ever in memory', () => expectSlowUpload(256))
})
