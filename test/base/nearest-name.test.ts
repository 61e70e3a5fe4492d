import { describe, expect, it } from 'vitest'
import { nearestName, suggestName } from '../../src/base/nearest-name.js'
import { cpuMsOf } from '../support/cpu-time.js'

const FIELDS = ['backend', 'rule', 'routes', 'priority', 'entryPoints', 'passHostHeader']

describe('nearestName', () => {
  it.each([
    ['a letter that is missing', 'backnd', 'backend'],
    ['a letter too many', 'backendd', 'backend'],
    ['a wrong letter', 'ruie', 'rule'],
    ['swapped letters', 'rotues', 'routes'],
    ['another case', 'ENTRYPOINTS', 'entryPoints'],
    ['words joined otherwise', 'pass_host_header', 'passHostHeader'],
    ['itself', 'priority', 'priority'],
  ])('sees through %s', (_what, name, meant) => {
    expect(nearestName(name, FIELDS)).toBe(meant)
  })

  it.each([
    ['a name unlike all', 'zzzzzz'],
    ['an empty name far from all', ''],
    ['a long name unlike all', 'x'.repeat(120)],
    ['a name that is much longer than the one it begins with', `rule${'s'.repeat(60)}`],
  ])('names nothing for %s', (_what, name) => {
    expect(nearestName(name, FIELDS)).toBeUndefined()
  })

  it('prefers the nearest of several, and the first of equally near ones', () => {
    expect(nearestName('HostRegex', ['Host', 'HostRegexp', 'HostRegexps'])).toBe('HostRegexp')
    expect(nearestName('cat', ['bat', 'hat'])).toBe('bat')
  })

  it('names nothing where nothing is known', () => {
    expect(nearestName('rule', [])).toBeUndefined()
  })

  it('takes little time for hostile names, wanted and known', () => {
    const long = 'a'.repeat(30_000)
    const ms = cpuMsOf(() => {
      for (let round = 0; round < 3; round++) {
        nearestName(`${long}b`, [long, 'rule'])
        nearestName('rules', Array(100).fill(long))
      }
    })
    expect(ms).toBeLessThan(2_000)
  })
})

describe('suggestName', () => {
  it('says the nearest name in a half sentence', () => {
    expect(suggestName('backnd', FIELDS)).toBe('; the nearest known one is "backend"')
  })

  it('says nothing where no name is near', () => {
    expect(suggestName('zzzzzz', FIELDS)).toBe('')
  })
})
