import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { addressInElement } from '../../../src/engine/headers/client-address.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

it('addresses that are remembered keep no header alive of which they were a piece', () => {
  collect()
  const before = process.memoryUsage().heapUsed
  for (let index = 0; index < 4_000; index += 1) {
    // As Node gives it: one flat text, of which an element is a piece.
    const header = Buffer.from(`2001:db8:1:2:3:4:5:${index.toString(16)}, ${'x'.repeat(60_000)}`).toString(
      'latin1',
    )
    expect(addressInElement(header.slice(0, header.indexOf(',')))).toBe(
      `2001:db8:1:2:3:4:5:${index.toString(16)}`,
    )
  }
  collect()
  // All headers together are 240 MB.
  expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(24)
}, 60_000)
