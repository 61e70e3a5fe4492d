import { expect, it } from 'vitest'
import { Recent } from '../../src/rules/recent.js'

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
