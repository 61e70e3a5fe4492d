import { cut, location, type Row } from './row.js'

/** `keepTrailingSlash: true`, the default: `/shelf` and `/shelf/` are two paths. */
export const KEPT: readonly Row[] = [
  ['Path:/shelf', '/shelf/', 'no'],
  ['Path:/shelf/', '/shelf', 'no'],
  ['Path:/shelf/', '/shelf/', 'yes'],
  ['Path:/row/{n:[0-9]+}', '/row/7/', 'no'],
  ['Path:/row/{n}/', '/row/7', 'no'],
  ['PathStrip:/shelf', '/shelf/', 'no'],
  ['PathStripRegex:/row/{n}', '/row/7/', 'no'],
  ['Path(`/shelf`)', '/shelf/', 'no'],
  ['Path(`/shelf/`)', '/shelf', 'no'],
  [{ path: '/shelf' }, '/shelf/', 'no'],
  [{ pathStrip: '/shelf/' }, '/shelf', 'no'],
]

/** `keepTrailingSlash: false`, as Traefik 1.7's default: who asks for the other slash form is sent to the rule's. */
export const SENT_ON: readonly Row[] = [
  ['Path:/shelf', '/shelf', 'yes'],
  ['Path:/shelf', '/shelf/', location('/shelf')],
  ['Path:/shelf/', '/shelf', location('/shelf/')],
  ['Path:/shelf/', '/shelf/', 'yes'],
  ['Path:/shelf', '/shelf/?row=1&left', location('/shelf?row=1&left')],
  ['Path:/shelf/', '/shelf?to=/a/b/', location('/shelf/?to=/a/b/')],
  ['Path:/shelf', '/room/../shelf/', location('/shelf')],
  ['Path:/shelf', '/shelf//', 'no'],
  ['Path:/shelf', '/shelf/1', 'no'],
  ['Path:/shelf', '/shelf%2F', 'no'],
  ['Path:/', '/', 'yes'],
  ['Path:/', '//', 'no'],
  ['Path:/shelf,/shelf/', '/shelf', 'yes'],
  ['Path:/shelf,/shelf/', '/shelf/', 'yes'],
  ['Path:/shelf,/desk/', '/desk', location('/desk/')],
  // Groups take the slash form in which they are written.
  ['Path:/row/{n:[0-9]+}', '/row/7', 'yes'],
  ['Path:/row/{n:[0-9]+}', '/row/7/', location('/row/7')],
  ['Path:/row/{n:[0-9]+}', '/row/x/', 'no'],
  ['Path:/row/{n:[0-9]+}/', '/row/7?all', location('/row/7/?all')],
  ['Path:/row/{n}', '/row/7/', location('/row/7')],
  ['Path:/{all:.*}', '/row/7/', 'yes'],
  ['Path:/{n}/', '/7', location('/7/')],
  // In a rule, and in several routes, all else must hold as well.
  ['Host:books.test;Path:/shelf', '/shelf/', location('/shelf')],
  ['Host:books.test;Path:/shelf', 'http://pens.test/shelf/', 'no'],
  ['Method:GET;Path:/shelf', { method: 'POST', url: '/shelf/' }, 'no'],
  ['Path:/shelf', { method: 'POST', url: '/shelf/' }, location('/shelf')],
  [['Host:books.test', 'Path:/shelf/'], '/shelf', location('/shelf/')],
  [['Host:pens.test', 'Path:/shelf/'], '/shelf', 'no'],
  ['Path:/shelf;AddPrefix:/v2', '/shelf/', location('/shelf')],
  ['Path:/shelf;AddPrefix:/v2', '/shelf', { path: '/v2/shelf' }],
  // What cuts whole paths is a `Path` too.
  ['PathStrip:/shelf', '/shelf/', location('/shelf')],
  ['PathStrip:/shelf', '/shelf', cut('/', '/shelf')],
  ['PathStripRegex:/row/{n:[0-9]+}', '/row/7/', location('/row/7')],
  ['PathStripRegex:/row/{n}/', '/row/7', location('/row/7/')],
  ['PathStripRegex:/row/{n}/', '/row/7/', cut('/', '/row/7/')],
  // Beginnings never send anyone anywhere.
  ['PathPrefix:/shelf', '/shelf/', 'yes'],
  ['PathPrefix:/shelf/', '/shelf', 'no'],
  ['PathPrefixStrip:/shelf', '/shelf/', cut('/', '/shelf')],
  ['PathPrefixStrip:/shelf/', '/shelf', 'no'],
  ['PathPrefixStripRegex:/row/{n}/', '/row/7', 'no'],
  // Traefik 3 never does; it has the word for two.
  ['Path(`/shelf`)', '/shelf/', 'no'],
  ['Path(`/shelf/`)', '/shelf', 'no'],
  ['Path(`/shelf`) || Path(`/shelf/`)', '/shelf/', 'yes'],
  ['PathRegexp(`^/shelf/$`)', '/shelf', 'no'],
  // Data does.
  [{ path: '/shelf' }, '/shelf/', location('/shelf')],
  [{ path: ['/shelf', '/desk/'] }, '/desk?x', location('/desk/?x')],
  [{ host: 'books.test', pathStrip: '/shelf/' }, '/shelf', location('/shelf/')],
  [{ pathStripRegex: '/row/{n}' }, '/row/7/', location('/row/7')],
  [{ pathPrefix: '/shelf/' }, '/shelf', 'no'],
  [{ pathRegexp: '^/shelf/$' }, '/shelf', 'no'],
  // Under any and not, a path is itself: no client is sent to the path of one alternative.
  [{ any: [{ path: '/shelf' }, { path: '/desk' }] }, '/desk/', 'no'],
  // A path that some part of the rule names is the right one, or the client would be sent to and fro.
  [{ any: [{ path: '/shelf' }, { path: '/shelf/' }] }, '/shelf', 'yes'],
  [{ any: [{ path: '/shelf' }, { path: '/shelf/' }] }, '/shelf/', 'yes'],
  // So is one that the rule holds for as it is, whatever another part of it would like better.
  [{ any: [{ path: '/shelf' }, { pathPrefix: '/' }] }, '/shelf/', 'yes'],
  [
    {
      any: [
        { host: 'pens.test', path: '/shelf' },
        { host: 'books.test', pathPrefix: '/shelf' },
      ],
    },
    '/shelf/',
    'yes',
  ],
  [{ pathPrefix: '/shelf', not: { path: '/shelf/' } }, '/shelf', 'yes'],
  [{ pathPrefix: '/shelf', not: { path: '/shelf/' } }, '/shelf/', 'no'],
]
