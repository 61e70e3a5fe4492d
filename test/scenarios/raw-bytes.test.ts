import { describe, expect, it } from 'vitest'
import { RAW_CASES } from './raw-bytes/all-cases.js'
import { runCase } from './raw-bytes/run-case.js'

const all = Object.values(RAW_CASES).flat()

for (const [theme, cases] of Object.entries(RAW_CASES)) {
  describe.concurrent(theme, () => {
    for (const raw of cases) {
      it(`${raw.name} (${raw.section})`, () => runCase(raw))
    }
  })
}

describe('the table', () => {
  it('has at least 150 cases that differ in what demands them', () => {
    expect(new Set(all.map(({ section }) => section)).size).toBeGreaterThanOrEqual(150)
  })

  it('has a name for each', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
  })
})
