import type { Frontend } from '../../../src/model/config.js'

type Rules = Readonly<Record<string, Partial<Frontend> & Pick<Frontend, 'rule' | 'routes'>>>

/** What decides between frontends, the request, and the one that gets it. */
export type PriorityRow = readonly [what: string, frontends: Rules, url: string, winner: string | undefined]

/** Source: Traefik 1.7's documentation, "Rules Order by Priority", and 3's, "Priority". */
export const PRIORITIES: readonly PriorityRow[] = [
  [
    'the longer rule',
    { all: { rule: 'PathPrefix:/' }, shelf: { rule: 'PathPrefix:/shelf' } },
    '/shelf/1',
    'shelf',
  ],
  [
    'the one that holds',
    { all: { rule: 'PathPrefix:/' }, shelf: { rule: 'PathPrefix:/shelf' } },
    '/desk',
    'all',
  ],
  [
    'nothing, if none holds',
    { shelf: { rule: 'Path:/shelf' }, desk: { rule: 'Path(`/desk`)' } },
    '/row',
    undefined,
  ],
  [
    'the number before the length',
    { all: { rule: 'PathPrefix:/', priority: 18 }, shelf: { rule: 'PathPrefix:/shelf' } },
    '/shelf/1',
    'all',
  ],
  [
    'the length before a smaller number',
    { all: { rule: 'PathPrefix:/', priority: 16 }, shelf: { rule: 'PathPrefix:/shelf' } },
    '/shelf/1',
    'shelf',
  ],
  [
    'the larger number, for the shorter rule',
    { all: { rule: 'PathPrefix:/', priority: 200 }, shelf: { rule: 'PathPrefix:/shelf', priority: 100 } },
    '/shelf/1',
    'all',
  ],
  [
    'the sum of the lengths of routes',
    {
      one: { rule: 'Host:books.test;Path:/a' },
      two: { routes: { x: { rule: 'Host:books.test' }, y: { rule: 'PathPrefix:/a' } } },
    },
    '/a',
    'two',
  ],
  [
    'the length without what has no meaning, of data',
    { text: { rule: 'Path:/shelf' }, data: { rule: { path: '/shelf', method: 'GET' } } },
    '/shelf',
    'data',
  ],
  [
    'the length as written, over both forms',
    { one: { rule: 'Host:books.test' }, three: { rule: 'Host(`books.test`)' } },
    '/',
    'three',
  ],
  [
    "the length instead of a negative number in Traefik 1.7's form",
    { a: { rule: 'PathPrefix:/a', priority: -1 }, b: { rule: 'PathPrefix:/', priority: 3 } },
    '/a',
    'a',
  ],
  [
    "a negative number in Traefik 3's form: last of all",
    { a: { rule: 'PathPrefix(`/shelf`)', priority: -1 }, b: { rule: 'PathPrefix(`/`)' } },
    '/shelf',
    'b',
  ],
  [
    "the higher of two negative numbers in Traefik 3's form",
    { a: { rule: 'PathPrefix(`/`)', priority: -2 }, b: { rule: 'PathPrefix(`/`)', priority: -1 } },
    '/',
    'b',
  ],
  [
    "the length instead of 0 in Traefik 3's form",
    { a: { rule: 'PathPrefix(`/a`)', priority: 0 }, b: { rule: 'PathPrefix:/', priority: 15 } },
    '/a',
    'a',
  ],
  [
    "the length instead of a negative number, if only one route is in Traefik 3's form",
    {
      a: { routes: { x: { rule: 'PathPrefix(`/a`)' }, y: { rule: 'Method:GET' } }, priority: -1 },
      b: { rule: 'PathPrefix:/', priority: 20 },
    },
    '/a',
    'a',
  ],
  ['the name between equals', { red: { rule: 'PathPrefix:/' }, blue: { rule: 'PathPrefix:/' } }, '/', 'blue'],
  [
    'nothing but the rule: modifiers count by their length alone',
    { a: { rule: 'Path:/shelf' }, b: { rule: 'Path:/shelf;AddPrefix:/v2' } },
    '/shelf',
    'b',
  ],
]
