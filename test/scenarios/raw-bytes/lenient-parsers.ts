import { GOT_OK, GOT_OK_LAST, get, head, lines, post, type RawCase, REFUSED, seen } from './case.js'

const HELLO = { framing: ['content-length: 5'], body: 'hello' }
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n'
const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body)
const asChunks = {
  server: seen('POST /', [], { framing: ['transfer-encoding: chunked'], body: CHUNKS }),
  client: GOT_OK,
  open: true,
}
/** Behind what is refused: no server may see it, whoever thinks that it is a request. */
const SMUGGLED = head('GET /smuggled HTTP/1.1', 'Host: a.b')
const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket']

type Lenient = Omit<RawCase, 'on'>

/** What Node lets through where `insecureHTTPParser` is on. */
const cases: readonly Lenient[] = [
  ...[
    ['Content-Length first', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['Transfer-Encoding first', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['a length of 0', ['Content-Length: 0', 'Transfer-Encoding: chunked']],
    ['in other cases', ['CONTENT-LENGTH: 5', 'transfer-encoding: CHUNKED']],
  ].map(
    ([what, headers]): Lenient => ({
      section: `RFC 9112 6.3: both lengths, ${what}`,
      name: `both lengths, ${what}`,
      send: post(headers as string[], `0\r\n\r\n${SMUGGLED}`),
      ...REFUSED,
    }),
  ),
  {
    section: 'RFC 9112 6.3: both lengths of an upgrade',
    name: 'both lengths of a WebSocket',
    send: post([...UPGRADE, 'Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    server: null,
    client: /^HTTP\/1\.1 400 [\s\S]*$/,
    open: false,
  },
  {
    section: 'RFC 9112 5.1: framing behind a space, seen by Node',
    name: 'Transfer-Encoding with a space before its colon',
    send: post(['Transfer-Encoding : chunked'], CHUNKS),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 5.1: a length behind a space, seen by Node',
    name: 'Content-Length with a space before its colon',
    send: post(['Content-Length : 5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 5.1: a hop behind a space, seen by Node',
    name: 'Connection with a space before its colon',
    send: get('Connection : X-A', 'X-A: b'),
    ...REFUSED,
  },
  ...[
    ['NUL', '\x00'],
    ['a control character', '\x01'],
    ['DEL', '\x7f'],
  ].map(
    ([what, sign]): Lenient => ({
      section: `RFC 9110 5.5: ${what} that Node takes`,
      name: `${what} in a value`,
      send: get(`X-A: b${sign}c`),
      ...REFUSED,
    }),
  ),
  {
    section: 'RFC 9110 5.5: a control character before a coding',
    name: 'Transfer-Encoding: \\x0bchunked',
    send: post(['Transfer-Encoding: \x0bchunked'], CHUNKS),
    server: null,
    client: /^HTTP\/1\.1 (400|501) [\s\S]*$/,
    open: false,
  },
  {
    section: 'RFC 9110 5.5: a control character in a host',
    name: 'a control character in Host',
    send: head('GET / HTTP/1.1', 'Host: a\x01b'),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.1: chunked is not the last coding',
    name: 'Transfer-Encoding: chunked, gzip',
    send: post(['Transfer-Encoding: chunked, gzip'], CHUNKS),
    ...REFUSED,
    client: 501,
  },
  {
    section: 'RFC 9112 6.1: another coding ends with the connection',
    name: 'Transfer-Encoding: gzip',
    send: post(['Transfer-Encoding: gzip'], `hello${SMUGGLED}`),
    ...REFUSED,
    client: 501,
  },
  {
    section: 'RFC 9112 6.1: chunked twice, on two lines',
    name: 'two lines of Transfer-Encoding: chunked',
    send: post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    ...REFUSED,
    client: 501,
  },
  {
    section: 'RFC 9112 6.1: a coding without a value',
    name: 'Transfer-Encoding without a value',
    send: get('Transfer-Encoding: '),
    server: null,
    // Newer Nodes refuse it themselves.
    client: /^HTTP\/1\.1 (400|501) [\s\S]*$/,
    open: false,
  },
  {
    section: 'RFC 9112 6.1: codings in HTTP/1.0',
    name: 'HTTP/1.0 with chunks',
    send: `${head('POST / HTTP/1.0', 'Host: a.b', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ...REFUSED,
  },
  ...['1.2', '2.0', '3.7', '9.9'].map(
    (version): Lenient => ({
      section: `RFC 9112 2.3: HTTP/${version} that Node takes`,
      name: `HTTP/${version}`,
      send: head(`GET / HTTP/${version}`, 'Host: a.b'),
      ...REFUSED,
    }),
  ),
  {
    section: 'RFC 9112 9.6: nothing behind close is processed',
    name: 'a request behind close',
    send: get('Connection: close') + SMUGGLED,
    server: seen(),
    client: GOT_OK_LAST,
    open: false,
  },
  {
    section: 'RFC 9112 9.6: close stands among others',
    name: 'a request behind close among others',
    send: get('Connection: X-A, Close') + SMUGGLED,
    server: seen(),
    client: GOT_OK_LAST,
    open: false,
  },
  {
    section: 'RFC 9112 9.3: HTTP/1.0 ends with its response',
    name: 'a request behind HTTP/1.0',
    send: head('GET / HTTP/1.0', 'Host: a.b') + SMUGGLED,
    server: seen('GET /', [], { via: '1.0' }),
    client: GOT_OK_LAST,
    open: false,
  },
  {
    section: 'RFC 9112 3.2: two hosts that Node takes',
    name: 'two hosts',
    send: get('Host: c.d') + SMUGGLED,
    ...REFUSED,
  },
  {
    section: 'RFC 9110 6.5.1: a trailer that names a length is dropped',
    name: 'a trailer that names a length',
    send: chunked('5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n'),
    ...asChunks,
  },

  // What cannot be seen: nothing of it leaves, for what leaves is written anew.
  {
    section: 'RFC 9112 5.2: a fold is a blank',
    name: 'a folded header',
    send: get('X-A: b', ' c'),
    server: seen('GET /', ['X-A: b c']),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9112 5.2: a folded coding',
    name: 'a folded Transfer-Encoding',
    send: post(['Transfer-Encoding:', ' chunked'], CHUNKS),
    ...asChunks,
  },
  {
    section: 'RFC 9112 2.2: lines that end with LF',
    name: 'bare line feeds',
    send: `${lines('POST / HTTP/1.1', 'Host: a.b', 'Content-Length: 5', '').replaceAll('\r', '')}hello`,
    server: seen('POST /', [], HELLO),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9112 7.1: a chunk size before blanks',
    name: 'blanks behind a chunk size',
    send: chunked('5  \r\nhello\r\n0\r\n\r\n'),
    ...asChunks,
  },
  {
    section: 'RFC 9112 7.1: chunks without their line ends',
    name: 'chunks without CRLF',
    send: chunked('5\r\nhello0\r\n\r\n'),
    ...asChunks,
  },
  {
    section: 'RFC 9112 7.1.1: an extension that ends with LF',
    name: 'a bare line feed behind a chunk extension',
    send: chunked('5;a=b\nhello\r\n0\r\n\r\n'),
    ...asChunks,
  },
]

const WAYS = ['lenient-attach', 'lenient-handler'] as const

/** On a server of the host's own whose parser is lenient, which the proxy is attached to, or handles requests of. */
export const lenientParsers: readonly RawCase[] = WAYS.flatMap((on) =>
  cases.map((raw) => ({ ...raw, name: `${raw.name}, ${on}`, section: `${raw.section}, ${on}`, on })),
)
