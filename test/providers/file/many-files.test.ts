import { expect, it } from 'vitest'
import { documentOf } from '../../../src/providers/file/merge-files.js'

it('lets requests through between the files of a folder', async () => {
  const files = Array.from({ length: 40 }, (_, nth) => ({
    name: `${nth}.yaml`,
    bytes: Buffer.from(`frontends:\n  f${nth}: {backend: b, rule: "Path:/"}\n`),
  }))
  // What is loaded first has turns of its own.
  await documentOf(files.slice(0, 1))
  let turns = 0
  let isOver = false
  const turn = () => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const { frontends } = (await documentOf(files)) as { frontends: object }
  isOver = true
  expect(Object.keys(frontends)).toHaveLength(40)
  expect(turns).toBeGreaterThanOrEqual(39)
})
