import { CHUNKED, GOT_OK, GOT_OK_LAST, get, head, post, type RawCase, REFUSED, seen } from './case.js'

const chunked = (body: string, ...headers: string[]) => post(['Transfer-Encoding: chunked', ...headers], body)
const HELLO = '5\r\nhello\r\n0\r\n\r\n'
/** A request that would be a second one, if what stands before it were framed as somebody else might read it. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.b\r\n\r\n'
const passes = (headers: string[], framing: string[], body: string, connection = 'keep-alive') => ({
  server: seen('POST /', headers, { framing, body, connection }),
  client: GOT_OK,
  open: true,
})

/** A head may have left for the server before its body turned out to be broken. */
const brokenChunk = (bytes: string): Pick<RawCase, 'send' | 'server' | 'client' | 'open' | 'or'> => ({
  send: chunked(bytes),
  ...REFUSED,
})

/** How a request tells where it ends. */
export const requestFraming: readonly RawCase[] = [
  {
    section: 'RFC 9112 6.2',
    name: 'a body with Content-Length',
    send: post(['Content-Length: 5'], 'hello'),
    ...passes([], ['content-length: 5'], 'hello'),
  },
  {
    section: 'RFC 9112 7.1',
    name: 'a chunked body',
    send: chunked(HELLO),
    ...passes([], [...CHUNKED], HELLO),
  },
  {
    section: 'RFC 9112 7.1: chunks are framing, not content',
    name: 'chunks that arrive in pieces',
    send: [chunked('').slice(0, -4), '\r\n\r\n5', '\r\nhel', 'lo\r', '\n0\r\n', '\r\n'],
    server: seen('POST /', [], { framing: CHUNKED, body: '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n' }),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9112 6.3: a body of length 0 is none',
    name: 'POST with Content-Length: 0',
    send: post(['Content-Length: 0'], ''),
    ...passes([], ['content-length: 0'], ''),
  },
  {
    section: 'RFC 9112 6.3: neither field, so no body',
    name: 'POST without a length',
    send: post([], ''),
    ...passes([], ['content-length: 0'], ''),
  },
  {
    section: 'RFC 9112 6.1: Transfer-Encoding and Content-Length',
    name: 'both lengths, Content-Length first',
    send: post(['Content-Length: 5', 'Transfer-Encoding: chunked'], HELLO),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.1: Transfer-Encoding and Content-Length',
    name: 'both lengths, Transfer-Encoding first',
    send: post(['Transfer-Encoding: chunked', 'Content-Length: 5'], HELLO),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.1: a length of 0 is one too',
    name: 'Transfer-Encoding and Content-Length: 0',
    send: post(['Content-Length: 0', 'Transfer-Encoding: chunked'], `${HELLO}${SMUGGLED}`),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.3: unequal lengths',
    name: 'two Content-Length lines that differ',
    send: post(['Content-Length: 5', 'Content-Length: 6'], 'hello!'),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.3: equal lengths may be refused',
    name: 'two Content-Length lines that agree',
    send: post(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.3: a list of lengths',
    name: 'Content-Length: 5, 5',
    send: post(['Content-Length: 5, 5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.3: a list of lengths',
    name: 'Content-Length: 5, 6',
    send: post(['Content-Length: 5, 6'], 'hello!'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: a length is 1*DIGIT',
    name: 'Content-Length: 0x5',
    send: post(['Content-Length: 0x5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: a length is 1*DIGIT',
    name: 'Content-Length: -5',
    send: post(['Content-Length: -5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: a length is 1*DIGIT',
    name: 'Content-Length: +5',
    send: post(['Content-Length: +5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: a length is 1*DIGIT',
    name: 'Content-Length: 5.0',
    send: post(['Content-Length: 5.0'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: a length is 1*DIGIT',
    name: 'Content-Length: 1 5',
    send: post(['Content-Length: 1 5'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: a length is 1*DIGIT',
    name: 'Content-Length without a value',
    send: post(['Content-Length:'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: beyond 64 bits',
    name: 'a Content-Length of 2^64 and 5',
    send: post(['Content-Length: 18446744073709551621'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: beyond what a number holds exactly',
    name: 'a Content-Length of 2^53 and 1',
    send: post(['Content-Length: 9007199254740993'], 'hello'),
    ...REFUSED,
  },
  {
    section: 'RFC 9110 8.6: leading zeros are digits',
    name: 'Content-Length: 005',
    send: post(['Content-Length: 005'], 'hello'),
    ...passes([], ['content-length: 5'], 'hello'),
  },
  {
    section: 'RFC 9112 6.1: an unknown coding is 501',
    name: 'Transfer-Encoding: gzip, chunked',
    send: post(['Transfer-Encoding: gzip, chunked'], HELLO),
    server: null,
    client: 501,
    open: false,
  },
  {
    section: 'RFC 9112 6.3: chunked is not the last coding',
    name: 'Transfer-Encoding: chunked, gzip',
    send: post(['Transfer-Encoding: chunked, gzip'], HELLO),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.1: chunked twice',
    name: 'Transfer-Encoding: chunked, chunked',
    send: post(['Transfer-Encoding: chunked, chunked'], HELLO),
    ...REFUSED,
    or: { server: null, client: 501, open: false, why: 'a parser may count it as a list of two codings' },
  },
  {
    section: 'RFC 9112 6.1: on two lines it is still a list',
    name: 'two lines of Transfer-Encoding: chunked',
    send: post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], HELLO),
    ...REFUSED,
    or: { server: null, client: 501, open: false, why: 'a parser may count it as a list of two codings' },
  },
  {
    section: 'RFC 9112 6.1: an obfuscated coding',
    name: 'Transfer-Encoding: xchunked',
    send: post(['Transfer-Encoding: xchunked'], HELLO),
    ...REFUSED,
    or: { server: null, client: 501, open: false, why: 'no known coding' },
  },
  {
    section: 'RFC 9112 6.1: identity is no coding any more',
    name: 'Transfer-Encoding: identity',
    send: post(['Transfer-Encoding: identity'], ''),
    ...REFUSED,
    or: { server: null, client: 501, open: false, why: 'no known coding' },
  },
  {
    section: 'RFC 9110 5.6.1.2: empty elements of a list',
    name: 'Transfer-Encoding: ,chunked',
    send: post(['Transfer-Encoding: ,chunked'], HELLO),
    server: null,
    client: 501,
    open: false,
    or: { ...REFUSED, why: 'refused by the parser' },
  },
  {
    section: 'RFC 9112 7: codings in any case',
    name: 'Transfer-Encoding: CHUNKED',
    send: post(['Transfer-Encoding: CHUNKED'], HELLO),
    ...passes([], [...CHUNKED], HELLO),
  },
  {
    section: 'RFC 9112 5.1: blanks around a value are not part of it',
    name: 'Transfer-Encoding in blanks',
    send: post(['Transfer-Encoding: \t chunked  '], HELLO),
    ...passes([], [...CHUNKED], HELLO),
  },
  {
    section: 'RFC 9110 5.6.2: a vertical tab is no blank',
    name: 'Transfer-Encoding: \\x0bchunked',
    send: post(['Transfer-Encoding: \x0bchunked'], HELLO),
    ...REFUSED,
  },
  {
    section: 'RFC 9112 6.1: HTTP/1.0 with Transfer-Encoding is faulty framing',
    name: 'HTTP/1.0 with a chunked body',
    send: head('POST / HTTP/1.0', 'Host: a.b', 'Transfer-Encoding: chunked') + HELLO,
    ...REFUSED,
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk without a size',
    ...brokenChunk('\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk size that is no hexadecimal number',
    ...brokenChunk('g\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: a size beyond 64 bits',
    name: 'a chunk size of 2^64 and 5',
    ...brokenChunk(`10000000000000005\r\nhello\r\n0\r\n\r\n`),
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk size with a plus',
    ...brokenChunk('+5\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk size with a minus',
    ...brokenChunk('-5\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk size with 0x',
    ...brokenChunk('0x5\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk size with an underscore',
    ...brokenChunk('0_5\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: chunk-size is 1*HEXDIG',
    name: 'a chunk size behind a space',
    ...brokenChunk(' 5\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: blanks behind a size',
    name: 'a chunk size before a tab',
    ...brokenChunk('5\t\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: blanks behind a size',
    name: 'a chunk size before a space and an extension',
    ...brokenChunk('5 ;a=b\r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: blanks behind a size',
    name: 'a chunk size before a space',
    ...brokenChunk('5 \r\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: hexadecimal digits in either case, leading zeros',
    name: 'a chunk size of 000A',
    send: chunked('000A\r\nhellohello\r\n0\r\n\r\n'),
    ...passes([], [...CHUNKED], 'a\r\nhellohello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1.1: unknown extensions are ignored',
    name: 'a chunk extension',
    send: chunked('5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'),
    ...passes([], [...CHUNKED], HELLO),
  },
  {
    section: 'RFC 9112 7.1.1: the length of extensions is limited',
    name: 'chunk extensions of 17 KiB',
    send: chunked(`5;${'a'.repeat(17 * 1024)}\r\nhello\r\n0\r\n\r\n`),
    server: null,
    client: 413,
    open: false,
  },
  {
    section: 'RFC 9112 7.1.1: a bare LF in an extension',
    name: 'a bare LF in a chunk extension',
    ...brokenChunk('5;a\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1 (erratum 7633): a bare LF behind a size',
    name: 'a bare LF behind a chunk size',
    ...brokenChunk('5\nhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 2.2: a bare CR behind a size',
    name: 'a bare CR behind a chunk size',
    ...brokenChunk('5\rhello\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: no CRLF behind the data',
    name: 'a chunk without CRLF behind its data',
    ...brokenChunk('5\r\nhello0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: more data than the size says',
    name: 'a chunk longer than its size',
    ...brokenChunk('5\r\nhello!\r\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: a bare LF behind the data',
    name: 'a bare LF behind the data of a chunk',
    ...brokenChunk('5\r\nhello\n0\r\n\r\n'),
  },
  {
    section: 'RFC 9112 7.1: the end of the trailer section',
    name: 'a last chunk that ends with a bare LF',
    ...brokenChunk('5\r\nhello\r\n0\r\n\n'),
  },
  {
    section: 'RFC 9112 8: what has left already is never ended',
    name: 'a broken chunk behind one that has left',
    send: [chunked('5\r\nhello\r\n'), { when: 'server', has: 'hello', send: 'zz\r\n' }],
    server: seen('POST /', [], { framing: CHUNKED, body: '5\r\nhello' }),
    client: 400,
    open: false,
  },
  {
    section: 'RFC 9112 6.3: a GET may have a body, and its framing counts',
    name: 'GET with Content-Length',
    send: `${get('Content-Length: 5')}hello`,
    server: seen('GET /', [], { framing: ['content-length: 5'], body: 'hello' }),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'no body may vanish (CL.0): HEAD, DELETE and OPTIONS as POST',
    name: 'DELETE with a chunked body',
    send: head('DELETE / HTTP/1.1', 'Host: a.b', 'Transfer-Encoding: chunked') + HELLO,
    server: seen('DELETE /', [], { framing: CHUNKED, body: HELLO }),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'no body may vanish (TE.0)',
    name: 'OPTIONS with a chunked body that holds a request',
    send:
      head('OPTIONS /x HTTP/1.1', 'Host: a.b', 'Transfer-Encoding: chunked') +
      `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    server: seen('OPTIONS /x', [], {
      framing: CHUNKED,
      body: `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    }),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9112 6.3: what follows a body is the next request',
    name: 'a request behind a body on one connection',
    send: post(['Content-Length: 5'], 'hello') + get(),
    server: seen('POST /', [], { framing: ['content-length: 5'], body: 'hello' }) + seen(),
    client: GOT_OK + GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9112 8: an incomplete request is not completed',
    name: 'a client that leaves in the middle of its body',
    send: [post(['Content-Length: 10'], 'hello')],
    leaves: true,
    server: seen('POST /', [], { framing: ['content-length: 10'], body: 'hello' }),
    client:
      /^(HTTP\/1\.1 400 Bad Request\r\nDate: \(now\)\r\nConnection: close\r\nContent-Length: 0\r\n\r\n)?$/,
    open: false,
  },
  {
    section: 'RFC 9112 8: incomplete chunks are not ended',
    name: 'a client that leaves between two chunks',
    send: [chunked('5\r\nhello\r\n')],
    leaves: true,
    server: seen('POST /', [], { framing: CHUNKED, body: '5\r\nhello' }),
    client:
      /^(HTTP\/1\.1 400 Bad Request\r\nDate: \(now\)\r\nConnection: close\r\nContent-Length: 0\r\n\r\n)?$/,
    open: false,
  },
  {
    section: 'RFC 9112 6.3: bytes behind a body that are no request',
    name: 'a body longer than its Content-Length',
    send: post(['Content-Length: 5', 'Connection: close'], 'hello, and more'),
    server: seen('POST /', [], { framing: ['content-length: 5'], body: 'hello' }),
    client: GOT_OK_LAST,
    open: false,
  },
  {
    section: 'a field that only looks like a length is none',
    name: 'Content_Length beside Content-Length',
    send: post(['Content_Length: 50', 'Content-Length: 5'], 'hello'),
    ...passes([], ['content-length: 5'], 'hello'),
  },
]
