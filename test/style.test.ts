import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { describeFlaws } from './support/check-prose.js'
import { sourceFiles } from './support/import-graph.js'
import { flawsOf, sentencesOf, sentencesOfComments, sentencesOfMessages } from './support/prose.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Pages of docs/ that do not follow docs/style.md yet. A new page has to follow it. */
const NOT_YET =
  'authenticated-connections balancing command-line configuration errors http life-of-a-config life-of-a-request limits ' +
  'migrating operations promises providers rules status'

const PAGES = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md') && !NOT_YET.split(' ').includes(name.slice(0, -3)))
    .map((name) => `docs/${name}`),
]

describe('docs/style.md', () => {
  it.each(PAGES)('is followed by %s', (page) => {
    expect(describeFlaws(join(root, page), page)).toEqual([])
  })

  it('is followed by the comments and messages of src/', () => {
    expect(sourceFiles.flatMap((file) => describeFlaws(join(root, 'src', file), file))).toEqual([])
  })
})

describe('the check of prose', () => {
  it('finds sentences that are too long, and words that are ruled out', () => {
    const long = `It ${'goes on and '.repeat(9)}on.`
    const source = `/** ${long} In a row. */\nconst a = 'https://x' // Whoever asks.\nthrow new Error('nobody knows it')`
    expect(flawsOf(sentencesOfComments(source)).map(({ line, why }) => [line, why])).toEqual([
      [1, '29 words: at most 25'],
      [1, '"In a row": write consecutive'],
      [2, '"Whoever": write name the actor: the client, the caller, the host'],
    ])
    expect(flawsOf(sentencesOfMessages(source)).map(({ line }) => line)).toEqual([3])
  })

  it('leaves out code, links and tables', () => {
    expect(
      sentencesOf('See `whoever` in [it](https://a/nobody).\n\n| nobody |').map(({ text }) => text),
    ).toEqual(['See code in it.'])
  })
})
