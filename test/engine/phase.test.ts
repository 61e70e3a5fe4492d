import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { NEXT_PHASES } from '../../src/engine/phase.js'

it('docs/life-of-a-request.md has the phases, and the steps between them', () => {
  const page = readFileSync('docs/life-of-a-request.md', 'utf8')
  const rows = [...page.matchAll(/^\| `([\w ]+)` \| [^|]+ \| ([^|]+) \|$/gm)].map(([, phase, next = '']) => [
    phase,
    [...next.matchAll(/`([\w ]+)`/g)].map(([, name]) => name),
  ])
  expect(Object.fromEntries(rows)).toEqual(NEXT_PHASES)
})
