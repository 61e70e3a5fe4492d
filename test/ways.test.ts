import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')

/** The two ways through the house: the page that tells each, and the files in which it is to be read, in order. */
const WAYS = [
  { page: 'docs/life-of-a-request.md', files: ['src/engine/request-pipeline.ts'] },
  {
    page: 'docs/life-of-a-config.md',
    files: [
      'src/providers/alias-provider.ts',
      'src/providers/provider-supervisor.ts',
      'src/engine/generations.ts',
    ],
  },
]

it.each(WAYS)(
  '$page tells the steps that the code takes, under their names and in their order',
  ({ page, files }) => {
    const headings = [...read(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading as string)
    const code = files.map(read).join('\n')
    // A step is marked by a comment of its own, or begins the comment of the function that takes it.
    const positions = headings.map((heading) =>
      code.search(new RegExp(`(// ${heading}$|/\\*\\* ${heading}:)`, 'm')),
    )
    expect(headings.length).toBeGreaterThan(8)
    expect(headings.filter((_, index) => positions[index] === -1)).toEqual([])
    expect(positions).toEqual([...positions].sort((a, b) => a - b))
  },
)
