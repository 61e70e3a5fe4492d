import { expect, it } from 'vitest'
import { HOP_BY_HOP } from '../../../src/engine/headers/proxy-fields.js'
import { responseName } from '../../../src/engine/headers/response-names.js'
import { Random } from '../../fuzz/random.js'

function expected(text: string) {
  return { text, lower: text.toLowerCase(), isHopByHop: HOP_BY_HOP.has(text.toLowerCase()) }
}

it('names are read as they were written, however many others were read before', () => {
  const random = new Random(7)
  const names = ['Content-Type', 'content-type', 'CONNECTION', 'Keep-Alive', 'Transfer-Encoding', 'X', '']
  // Of some lengths and few letters: most share their place in the table with others.
  for (let nth = 0; nth < 3_000; nth += 1) {
    const length = 1 + random.below(70)
    names.push(Array.from({ length }, () => random.pick(['a', 'B', '-', 'ü'])).join(''))
  }
  for (let round = 0; round < 3; round += 1)
    for (const name of names) {
      expect(responseName(Buffer.from(name, 'latin1'))).toMatchObject(expected(name))
      expect(responseName(name)).toEqual(expected(name))
    }
})

it('a name that was read before is the same object, and is no piece of what the server sent', () => {
  const sent = Buffer.from('X-First')
  const first = responseName(sent)
  expect(responseName(Buffer.from('X-First'))).toBe(first)
  // undici gives out views of what a socket has read, and that memory is used again.
  sent.write('X-Other')
  expect(responseName(sent)).toMatchObject(expected('X-Other'))
  expect(responseName(Buffer.from('X-First'))).toMatchObject(expected('X-First'))
})
