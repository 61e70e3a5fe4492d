import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { Recent } from '../../src/base/recent.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

it('what was made lately is made once, and what is not used for long is forgotten', () => {
  const made: string[] = []
  const recent = new Recent<number>(2)
  const get = (text: string) => recent.get(text, () => made.push(text))
  for (const text of ['a', 'b', 'a', 'b']) get(text)
  expect(made).toEqual(['a', 'b'])
  get('c') // a and b are old now
  get('a') // and a is young again
  get('d') // c and a are old, b is forgotten
  expect(made).toEqual(['a', 'b', 'c', 'd'])
  get('a')
  get('b')
  expect(made).toEqual(['a', 'b', 'c', 'd', 'b'])
})

it('keeps fewer entries of long texts', () => {
  const recent = new Recent<string>(1_000, 100)
  for (let nth = 0; nth < 50; nth += 1) {
    recent.get(`${nth}`.padEnd(30, 'x'), (text) => text)
    // Three of thirty characters in each of two generations.
    expect(recent.size).toBeLessThanOrEqual(6)
  }
  expect(recent.size).toBeGreaterThan(2)
  // One that is longer than all that may be kept is kept until the next.
  expect(recent.get('y'.repeat(500), (text) => text)).toHaveLength(500)
  expect(recent.get('z', (text) => text)).toBe('z')
  expect(recent.size).toBe(2)
})

it('keeps no document alive of which a text was a piece', () => {
  collect()
  const before = process.memoryUsage().heapUsed
  const recent = new Recent<readonly [string]>(4_000)
  for (let nth = 0; nth < 4_000; nth += 1) {
    const document = Buffer.from(`Host:shop-${nth}.example.com\n${'x'.repeat(60_000)}`).toString('latin1')
    recent.get(document.slice(0, document.indexOf('\n')), (text) => [text.slice(5)])
  }
  collect()
  // All documents together are 240 MB, what is kept of them is less than 2.
  expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(24)
  expect(recent.size).toBe(4_000)
}, 60_000)

it('makes of half a surrogate pair what was written', () => {
  const text = 'Host:\ud800.example.com'
  expect(new Recent<string>(2).get(text, (made) => made)).toBe(text)
})
