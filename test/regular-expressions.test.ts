import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { expressionsIn, slowestFor } from './support/source-expressions.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A request's head, or a server's, has 16 KiB at most; texts of documents are tried at four times that. */
const LENGTH = 65_536
/** An expression that takes the square of its text needs several seconds for that many; one that does not, milliseconds. */
const LIMIT_MS = 1_000

/** They read what the operator or the host's own code writes, and nobody else, or a text whose length is limited first. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'command-line/': 'words of the command line',
  'static-config/text-settings': 'words of the command line and the environment',
  'testing.ts': 'tests of the host',
  'providers/etcd/etcd-connection': 'the option `hosts`',
  'providers/etcd/etcd-faults': 'the first 2,000 characters of what a store said',
  'rules/parse-duration': 'texts of at most 100 characters',
  'rolldown.config': 'file names of a build',
}

const all = expressionsIn(join(root, 'src'))
const watched = all.filter(({ place }) => !Object.keys(EXCEPTIONS).some((start) => place.startsWith(start)))

describe('the regular expressions of the sources', () => {
  it('are found', () => {
    expect(all.length).toBeGreaterThan(150)
    expect(all.length - watched.length).toBeLessThan(60)
  })

  it.each(watched.map(({ place, expression }) => [place, expression] as const))(
    '%s takes no longer than its text is long: %s',
    (_place, expression) => {
      const slowest = slowestFor(expression, LENGTH, LIMIT_MS)
      expect(slowest.ms, JSON.stringify(slowest.made)).toBeLessThan(LIMIT_MS)
    },
    60_000,
  )

  // Otherwise the test above might find nothing for another reason.
  it.each([
    ['Node 20, writeEarlyHints', /^(?:<[^>]*>)(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/],
    ['blanks at the end', /\s*$/],
    ['a duration', /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g],
    ['two runs of one kind', /a+a+b/],
  ])(
    'would be found if they were slow: %s',
    (_name, expression) => {
      expect(slowestFor(expression, LENGTH, LIMIT_MS).ms).toBeGreaterThan(10)
    },
    60_000,
  )
})
