import { describe, expect, it } from 'vitest'
import { networkOf, Places } from '../../src/status/places.js'

function placesOf(total: number, perAddress: number, isIdle?: (entry: string) => boolean) {
  const ended: string[] = []
  const end = (entry: string) => void ended.push(entry)
  return { ended, places: new Places<string>({ total, perAddress }, { end, ...(isIdle && { isIdle }) }) }
}

describe('Places', () => {
  it('gives one of an address that has its share to the next of that address', () => {
    const { places, ended } = placesOf(10, 2)
    for (const name of ['a1', 'a2', 'a3']) places.enter(name, '10.0.0.1')
    places.enter('b1', '10.0.0.2')
    expect(ended).toEqual(['a1'])
  })

  it('takes one from the address with the most where all are taken', () => {
    const { places, ended } = placesOf(4, 3)
    places.enter('b1', '10.0.0.2')
    for (const name of ['a1', 'a2', 'a3']) places.enter(name, '10.0.0.1')
    places.enter('c1', '10.0.0.3')
    places.enter('c2', '10.0.0.3')
    expect(ended).toEqual(['a1', 'a2'])
  })

  it('ends idle ones first, the oldest of them; where none is, the oldest', () => {
    const { places, ended } = placesOf(10, 3, (name) => name.startsWith('idle'))
    for (const name of ['busy1', 'idle1', 'idle2', 'busy2', 'busy3', 'busy4']) places.enter(name, '::1')
    expect(ended).toEqual(['idle1', 'idle2', 'busy1'])
  })

  it('has those that were given back again', () => {
    const { places, ended } = placesOf(2, 2)
    const leave = places.enter('a1', '10.0.0.1')
    places.enter('a2', '10.0.0.1')
    leave()
    leave()
    places.enter('a3', '10.0.0.1')
    expect(ended).toEqual([])
    places.enter('a4', '10.0.0.1')
    expect(ended).toEqual(['a2'])
  })
})

it.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  [undefined, ''],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
