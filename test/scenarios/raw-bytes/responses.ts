import {
  type Answer,
  GOT_OK,
  get,
  got,
  gotChunks,
  gotLast,
  head,
  KEPT,
  OK,
  type RawCase,
  seen,
} from './case.js'

const HTTP_10 = head('GET / HTTP/1.0', 'Host: a.b')
const HEAD = head('HEAD / HTTP/1.1', 'Host: a.b')
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n'
const chunked = (body: string, ...headers: string[]) =>
  head('HTTP/1.1 200 OK', ...headers, 'Transfer-Encoding: chunked') + body
const to = (answer: NonNullable<RawCase['answer']>, client: RawCase['client'], open = true) => ({
  send: get(),
  answer,
  server: seen(),
  client,
  open,
})
/** 502, and the client's connection goes on: the fault is not its own. */
const bad = (answer: NonNullable<RawCase['answer']>) => to(answer, BAD)
const BAD =
  /^HTTP\/1\.1 502 Bad Gateway\r\n(?:[^\r\n]+\r\n)*\r\n502 The server sent an invalid response\. \(PROXY_BAD_RESPONSE\)\n$/
const RESET = /^HTTP\/1\.1 502 Bad Gateway\r\n(?:[^\r\n]+\r\n)*\r\n502 The server [^\r\n]*\n$/
const end = (bytes: string): Answer => ({ bytes, ending: 'end' })

/** How a response tells where it ends. */
export const responseFraming: readonly RawCase[] = [
  {
    section: 'RFC 9112 7.1: chunks',
    name: 'a chunked response',
    ...to(chunked(CHUNKS), gotChunks('200 OK', [])),
  },
  {
    section: 'RFC 9112 6.3: a body that the end of the connection ends',
    name: 'a response without length',
    ...to(end(`${head('HTTP/1.1 200 OK')}hello`), gotChunks('200 OK', [])),
  },
  {
    section: 'RFC 9112 6.1: no chunks to HTTP/1.0',
    name: 'a chunked response to HTTP/1.0',
    ...to(chunked(CHUNKS), gotLast('200 OK', [], 'hello'), false),
    send: HTTP_10,
    server: seen('GET /', [], { via: '1.0' }),
  },
  {
    section: 'RFC 9112 6.3: the end of the connection, for HTTP/1.0',
    name: 'a response without length to HTTP/1.0',
    ...to(end(`${head('HTTP/1.1 200 OK')}hello`), gotLast('200 OK', [], 'hello'), false),
    send: HTTP_10,
    server: seen('GET /', [], { via: '1.0' }),
  },
  {
    section: 'RFC 9112 2.3: the version is the own one',
    name: 'a response of HTTP/1.0',
    ...to(end('HTTP/1.0 200 OK\r\n\r\nhello'), gotChunks('200 OK', [])),
  },
  {
    section: 'RFC 9112 6.3: Transfer-Encoding and Content-Length',
    name: 'a response with both lengths',
    ...bad(end(chunked(CHUNKS, 'Content-Length: 5'))),
  },
  {
    section: 'RFC 9112 6.3: unequal lengths',
    name: 'a response with two lengths that differ',
    ...bad(end(`${head('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6')}hello!`)),
  },
  {
    section: 'RFC 9112 6.3: equal lengths may be refused',
    name: 'a response with two lengths that agree',
    ...bad(end(`${head('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 5')}hello`)),
  },
  {
    section: 'RFC 9112 6.3: a length that is none',
    name: 'a response with a length that is no number',
    ...bad(end(`${head('HTTP/1.1 200 OK', 'Content-Length: five')}hello`)),
  },
  {
    section: 'RFC 9112 6.3: a negative length',
    name: 'a response with a negative length',
    ...bad(end(`${head('HTTP/1.1 200 OK', 'Content-Length: -5')}hello`)),
  },
  {
    section: 'RFC 9112 6.1: a coding that was not asked for',
    name: 'a response with Transfer-Encoding: gzip',
    ...bad(end(`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip')}hello`)),
  },
  {
    section: 'RFC 9112 6.1: a coding below chunked',
    name: 'a response with Transfer-Encoding: gzip, chunked',
    ...bad(end(head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked') + CHUNKS)),
  },
  {
    section: 'RFC 9112 8: an incomplete response is cut',
    name: 'a response shorter than its length',
    ...to(
      end(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`),
      `${head('HTTP/1.1 200 OK', 'Content-Length: 10', 'Date: (now)', ...KEPT)}hello`,
      false,
    ),
  },
  {
    section: 'RFC 9112 8: incomplete chunks are not ended',
    name: 'a chunked response that breaks off',
    ...to(
      end(chunked('5\r\nhello\r\n')),
      `${head('HTTP/1.1 200 OK', 'Date: (now)', ...KEPT, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`,
      false,
    ),
  },
  ...(
    [
      ['a response with a blank behind a chunk size', '5 \r\nhello\r\n0\r\n\r\n'],
      ['a response with blanks behind a chunk size', '5   \r\nhello\r\n0\r\n\r\n'],
      ['a response with a tab behind a chunk size', '5\t\r\nhello\r\n0\r\n\r\n'],
      ['a response with a blank before a chunk extension', '5 ;a=b\r\nhello\r\n0\r\n\r\n'],
      ['a response with a blank behind the last chunk size', '5\r\nhello\r\n0 \r\n\r\n'],
      ['a response with a chunk extension in quotes', '5;a="b c"\r\nhello\r\n0\r\n\r\n'],
      ['a response with zeros before a chunk size', '0005\r\nhello\r\n000\r\n\r\n'],
    ] as const
  ).map(([name, body]) => ({
    section: 'RFC 9112 7.1: blanks behind a size, which some servers write, and extensions',
    name,
    ...to(chunked(body), gotChunks('200 OK', [])),
  })),
  ...(
    [
      ['a response with a blank before a chunk size', ' 5\r\nhello\r\n0\r\n\r\n'],
      ['a response with a blank within a chunk size', '5 5\r\nhello\r\n0\r\n\r\n'],
      ['a response with a blank within a chunk extension', '5; a = b\r\nhello\r\n0\r\n\r\n'],
      ['a response with a blank behind a chunk extension', '5;a=b \r\nhello\r\n0\r\n\r\n'],
      ['a response with an empty chunk extension', '5;\r\nhello\r\n0\r\n\r\n'],
      ['a response with a bare LF behind a chunk size', '5\nhello\r\n0\r\n\r\n'],
      ['a response with a blank and a bare LF behind a chunk size', '5 \nhello\r\n0\r\n\r\n'],
      ['a response with a bare CR behind a chunk size', '5\rhello\r\n0\r\n\r\n'],
      ['a response with a chunk size of 17 digits', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
      ['a response with a plus before a chunk size', '+5\r\nhello\r\n0\r\n\r\n'],
      ['a response with a minus before a chunk size', '-5\r\nhello\r\n0\r\n\r\n'],
      ['a response with 0x before a chunk size', '0x5\r\nhello\r\n0\r\n\r\n'],
      ['a response with an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
    ] as const
  ).map(([name, body]) => ({
    section: 'RFC 9112 7.1: a first size that is none',
    name,
    ...bad(chunked(body)),
  })),
  {
    section: 'RFC 9112 8: broken chunks are not ended',
    name: 'a chunked response with a broken size',
    ...to(
      chunked('5\r\nhello\r\nzz\r\n'),
      `${head('HTTP/1.1 200 OK', 'Date: (now)', ...KEPT, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`,
      false,
    ),
  },
  {
    section: 'RFC 9112 6.3: bytes behind a response are none',
    name: 'a response longer than its length',
    ...to(
      `${head('HTTP/1.1 200 OK', 'Content-Length: 5')}hello, and more`,
      got('200 OK', ['Content-Length: 5'], 'hello'),
    ),
  },
  {
    section: 'RFC 9112 6.3: a second response is never the next one',
    name: 'two responses to one request',
    ...to(
      head('HTTP/1.1 200 OK', 'Content-Length: 5') +
        'first' +
        head('HTTP/1.1 200 OK', 'Content-Length: 6') +
        'second',
      got('200 OK', ['Content-Length: 5'], 'first'),
    ),
  },
  {
    section: 'RFC 9112 9.2: a response that nobody asked for',
    name: 'a response on an idle connection',
    ...to(OK, GOT_OK),
    unasked: `${head('HTTP/1.1 200 OK', 'Content-Length: 8')}poisoned`,
  },
  {
    section: 'RFC 9110 15.5.9: 408 on an idle connection',
    name: '408 on an idle connection',
    ...to(OK, GOT_OK),
    unasked: head('HTTP/1.1 408 Request Timeout', 'Content-Length: 0', 'Connection: close'),
  },
  {
    section: 'RFC 9112 9.3.1: an idempotent request is sent again',
    name: 'a connection that closes instead of a response',
    ...to([end(''), OK], GOT_OK),
    server: [seen(), seen()],
  },
  {
    section: 'RFC 9110 9.2.2: a POST is not sent twice',
    name: 'a connection that closes instead of a response to a POST',
    ...to([end(''), OK], RESET),
    send: head('POST / HTTP/1.1', 'Host: a.b'),
    server: seen('POST /', [], { framing: ['content-length: 0'] }),
  },
  {
    section: 'RFC 9112 8: a head that breaks off',
    name: 'a response whose head breaks off',
    ...to([end('HTTP/1.1 200 OK\r\nX-A'), OK], GOT_OK),
    server: [seen(), seen()],
  },
  {
    section: 'RFC 9112 9.3: a response before the body was read',
    name: 'a response before the body is whole',
    send: [
      `${head('POST / HTTP/1.1', 'Host: a.b', 'Content-Length: 10')}hello`,
      { when: 'client', has: '200 OK', send: 'hello' },
    ],
    answer: { bytes: OK, early: true },
    server: seen('POST /', [], { framing: ['content-length: 10'], body: 'hello' }),
    client: GOT_OK,
    open: true,
  },

  {
    section: 'RFC 9110 9.3.2: HEAD with the length of a GET',
    name: 'HEAD with a length',
    ...to(head('HTTP/1.1 200 OK', 'Content-Length: 5'), got('200 OK', ['Content-Length: 5'])),
    send: HEAD,
    server: seen('HEAD /', [], { connection: 'close' }),
  },
  {
    section: 'RFC 9110 9.3.2: HEAD with the coding of a GET',
    name: 'HEAD with Transfer-Encoding',
    ...to(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), got('200 OK', [])),
    send: HEAD,
    server: seen('HEAD /', [], { connection: 'close' }),
  },
  {
    section: 'RFC 9112 6.3: HEAD has no body, whatever comes',
    name: 'HEAD with a body',
    ...to(`${head('HTTP/1.1 200 OK', 'Content-Length: 5')}hello`, got('200 OK', ['Content-Length: 5'])),
    send: HEAD,
    server: seen('HEAD /', [], { connection: 'close' }),
  },
  {
    section: 'RFC 9110 15.3.5: 204 has no body',
    name: '204',
    ...to(head('HTTP/1.1 204 No Content'), got('204 No Content', [])),
  },
  {
    section: 'RFC 9110 8.6: 204 has no length',
    name: '204 with Content-Length: 0',
    ...to(head('HTTP/1.1 204 No Content', 'Content-Length: 0'), got('204 No Content', [])),
  },
  {
    section: 'RFC 9112 6.3: 204 ends with its head, whatever length it names',
    name: '204 with Content-Length: 5',
    ...to(head('HTTP/1.1 204 No Content', 'Content-Length: 5'), got('204 No Content', [])),
  },
  {
    section: 'RFC 9112 6.1: 204 has no coding',
    name: '204 with Transfer-Encoding',
    ...to(head('HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'), got('204 No Content', [])),
  },
  {
    section: 'RFC 9112 6.3: a body behind 204 is no response',
    name: '204 with a body',
    ...to(`${head('HTTP/1.1 204 No Content')}hello`, got('204 No Content', [])),
  },
  {
    section: 'RFC 9110 15.4.5: 304 has no body',
    name: '304',
    ...to(head('HTTP/1.1 304 Not Modified', 'ETag: "a"'), got('304 Not Modified', ['ETag: "a"'])),
  },
  {
    section: 'RFC 9110 8.6: 304 with the length of a 200',
    name: '304 with a length',
    ...to(
      head('HTTP/1.1 304 Not Modified', 'Content-Length: 5'),
      got('304 Not Modified', ['Content-Length: 5']),
    ),
  },
  {
    section: 'RFC 9112 6.1: 304 with the coding of a 200',
    name: '304 with Transfer-Encoding',
    ...to(head('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked'), got('304 Not Modified', [])),
  },
  {
    section: 'RFC 9112 6.3: a body behind 304 is no response',
    name: '304 with a body',
    ...to(
      `${head('HTTP/1.1 304 Not Modified', 'Content-Length: 5')}hello`,
      got('304 Not Modified', ['Content-Length: 5']),
    ),
  },
  {
    section: 'RFC 9110 15.3.6: 205 is framed as others are',
    name: '205',
    ...to(
      head('HTTP/1.1 205 Reset Content', 'Content-Length: 0'),
      got('205 Reset Content', ['Content-Length: 0']),
    ),
  },
]

/** Status lines and header lines of responses. */
export const responseHeads: readonly RawCase[] = [
  { section: 'RFC 9110 6.6.1: Date is added', name: 'a response without Date', ...to(OK, GOT_OK) },
  {
    section: 'RFC 9110 6.6.1: Date is kept',
    name: 'a response with Date',
    ...to(
      `${head('HTTP/1.1 200 OK', 'date: Tue, 15 Nov 1994 08:12:31 GMT', 'Content-Length: 2')}ok`,
      `${head('HTTP/1.1 200 OK', 'date: Tue, 15 Nov 1994 08:12:31 GMT', 'Content-Length: 2', ...KEPT)}ok`,
    ),
  },
  {
    section: 'RFC 9112 4: the reason phrase goes on',
    name: 'a reason phrase',
    ...to(
      `${head('HTTP/1.1 200 All is (very) well', 'Content-Length: 2')}ok`,
      got('200 All is (very) well', ['Content-Length: 2'], 'ok'),
    ),
  },
  {
    section: 'RFC 9112 4: the reason phrase may be empty',
    name: 'an empty reason phrase',
    ...to(`${head('HTTP/1.1 200 ', 'Content-Length: 2')}ok`, got('200 ', ['Content-Length: 2'], 'ok')),
  },
  {
    section: 'RFC 9112 4: bytes above 0x7F in a reason phrase',
    name: 'a reason phrase with bytes above 0x7F',
    ...to(
      `${head('HTTP/1.1 200 Gr\xc3\xbc\xc3\x9fe', 'Content-Length: 2')}ok`,
      got('200 Gr\xc3\xbc\xc3\x9fe', ['Content-Length: 2'], 'ok'),
    ),
  },
  {
    section: 'RFC 9112 2.2: a bare CR in a reason phrase',
    name: 'a bare CR in a reason phrase',
    ...bad('HTTP/1.1 200 OK\rX-A: b\r\nContent-Length: 2\r\n\r\nok'),
  },
  {
    section: 'RFC 9110 15: classes count, unknown statuses go on',
    name: 'status 299',
    ...to(`${head('HTTP/1.1 299 Odd', 'Content-Length: 2')}ok`, got('299 Odd', ['Content-Length: 2'], 'ok')),
  },
  {
    section: 'RFC 9110 15: statuses beyond the classes',
    name: 'status 600',
    ...to(`${head('HTTP/1.1 600 Odd', 'Content-Length: 2')}ok`, got('600 Odd', ['Content-Length: 2'], 'ok')),
  },
  {
    section: 'RFC 9110 15: three digits',
    name: 'status 1000',
    ...bad(`${head('HTTP/1.1 1000 Odd', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9110 15: from 100',
    name: 'status 99',
    ...bad(`${head('HTTP/1.1 99 Odd', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9110 15: from 100, in three digits',
    name: 'status 099',
    ...bad(`${head('HTTP/1.1 099 Odd', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9112 4: a status line that is none',
    name: 'a garbage status line',
    ...bad(end('SSH-2.0-OpenSSH\r\n\r\n')),
  },
  {
    section: 'RFC 9112 4: HTTP/0.9',
    name: 'a response without a status line',
    ...bad(end('<html>hello</html>')),
  },
  {
    section: 'RFC 9112 2.3: a version that is not spoken',
    name: 'a response of HTTP/2.0',
    ...to(`${head('HTTP/2.0 200 OK', 'Content-Length: 2')}ok`, GOT_OK),
  },
  {
    section: 'RFC 9110 5.3: Set-Cookie lines are never joined',
    name: 'three Set-Cookie lines',
    ...to(
      `${head(
        'HTTP/1.1 200 OK',
        'Set-Cookie: a=1',
        'X-A: b',
        'set-cookie: b=2',
        'Set-Cookie: a=3',
        'Content-Length: 2',
      )}ok`,
      got(
        '200 OK',
        ['Set-Cookie: a=1', 'X-A: b', 'set-cookie: b=2', 'Set-Cookie: a=3', 'Content-Length: 2'],
        'ok',
      ),
    ),
  },
  {
    section: 'RFC 9110 5.1, 5.3: unknown fields, order and case',
    name: 'response header case, order and duplicates',
    ...to(
      `${head('HTTP/1.1 200 OK', 'X-B: 1', 'x-a: 2', 'X-b: 3', 'Content-Length: 2', 'X-A: 4')}ok`,
      got('200 OK', ['X-B: 1', 'x-a: 2', 'X-b: 3', 'Content-Length: 2', 'X-A: 4'], 'ok'),
    ),
  },
  {
    section: 'RFC 9110 5.5: bytes above 0x7F are opaque',
    name: 'bytes above 0x7F in a response value',
    ...to(
      `${head('HTTP/1.1 200 OK', 'X-A: \xe4 \xc3\xa4', 'Content-Length: 2')}ok`,
      got('200 OK', ['X-A: \xe4 \xc3\xa4', 'Content-Length: 2'], 'ok'),
    ),
  },
  {
    section: 'RFC 9110 5.5: an empty value',
    name: 'an empty value in a response',
    ...to(
      `${head('HTTP/1.1 200 OK', 'X-A:', 'Content-Length: 2')}ok`,
      got('200 OK', ['X-A: ', 'Content-Length: 2'], 'ok'),
    ),
  },
  {
    section: 'names are data, in responses too',
    name: 'a response header __proto__',
    ...to(
      `${head('HTTP/1.1 200 OK', '__proto__: a', 'Content-Length: 2')}ok`,
      got('200 OK', ['__proto__: a', 'Content-Length: 2'], 'ok'),
    ),
  },
  {
    section: 'RFC 9110 7.6.1: what Connection of a response names',
    name: 'Connection of a response names fields',
    ...to(
      head('HTTP/1.1 200 OK', 'Connection: X-A, ,x-b', 'X-A: 1', 'X-B: 2', 'X-C: 3', 'Content-Length: 2') +
        'ok',
      got('200 OK', ['X-C: 3', 'Content-Length: 2'], 'ok'),
    ),
  },
  {
    section: 'RFC 9110 7.6.1: the framing stays ours',
    name: 'Connection of a response names Content-Length',
    ...to(
      `${head('HTTP/1.1 200 OK', 'Connection: Content-Length', 'Content-Length: 5')}hello`,
      gotChunks('200 OK', []),
    ),
  },
  {
    section: 'RFC 9110 7.6.1: fields for one connection, in a response',
    name: 'fields of a response for one connection',
    ...to(
      `${head(
        'HTTP/1.1 200 OK',
        'Keep-Alive: timeout=99',
        'Proxy-Connection: keep-alive',
        'Proxy-Authenticate: Basic',
        'Upgrade: h2c',
        'TE: x',
        'Content-Length: 2',
      )}ok`,
      GOT_OK,
    ),
  },
  {
    section: 'RFC 9112 9.6: close of the server is not for the client',
    name: 'Connection: close of a server',
    ...to(end(`${head('HTTP/1.1 200 OK', 'Connection: close', 'Content-Length: 2')}ok`), GOT_OK),
  },
  {
    section: 'RFC 9112 5.2: obs-fold in a response',
    name: 'a folded response header',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A: b', ' c', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9112 5.1: a blank before the colon, in a response',
    name: 'a space before the colon in a response',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A : b', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9112 2.2: a bare CR in a response',
    name: 'a bare CR in a response header',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A: b\rX-C: d', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9112 2.2: a bare LF in a response',
    name: 'a bare LF in a response header',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A: b\nX-C: d', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9110 5.5: NUL in a response',
    name: 'NUL in a response header',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A: b\x00c', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9110 5.5: control characters in a response',
    name: 'a control character in a response header',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A: b\x01c', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9110 5.1: a name is a token, in a response',
    name: 'a response header whose name is no token',
    ...bad(`${head('HTTP/1.1 200 OK', 'X(A): b', 'Content-Length: 2')}ok`),
  },
  {
    section: 'RFC 9112 5: a line without colon, in a response',
    name: 'a response header without a colon',
    ...bad(`${head('HTTP/1.1 200 OK', 'X-A', 'Content-Length: 2')}ok`),
  },
  {
    section: 'the head of a response is limited',
    name: 'a response head of 17 KiB',
    ...bad(`${head('HTTP/1.1 200 OK', `X-A: ${'a'.repeat(17 * 1024)}`, 'Content-Length: 2')}ok`),
  },

  {
    section: 'RFC 9110 15.2: 103 goes on',
    name: '103',
    ...to(
      head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload') + OK,
      head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload') + GOT_OK,
    ),
  },
  {
    section: 'RFC 9110 15.5.22: 426 names the protocols that would do',
    name: '426',
    ...to(
      head('HTTP/1.1 426 Upgrade Required', 'Upgrade: websocket', 'Connection: Upgrade', 'Content-Length: 0'),
      /^HTTP\/1\.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n/,
    ),
  },
  {
    section: 'RFC 8288 3: several links in a line',
    name: '103 with several links in a line',
    ...to(
      head('HTTP/1.1 103 Early Hints', 'Link: </a,b>; rel=preload; as="x", </c>; rel=preload') + OK,
      head('HTTP/1.1 103 Early Hints', 'Link: </a,b>; rel=preload; as="x", </c>; rel=preload') + GOT_OK,
    ),
  },
  {
    section: 'RFC 6265 3: cookies are not joined, so 103 has none',
    name: '103 with Set-Cookie',
    ...to(
      head('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload', 'Set-Cookie: a=1', 'Set-Cookie: b=2') + OK,
      head('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload') + GOT_OK,
    ),
  },
  {
    section: 'RFC 9110 15.2: 103 with more than links',
    name: '103 with other fields',
    ...to(
      head(
        'HTTP/1.1 103 Early Hints',
        'Link: </a.css>; rel=preload',
        'Connection: X-A',
        'X-A: 1',
        'X-B: 2',
        'Connection: X-C',
        'X-C: 3',
        'Content-Length: 5',
        'Keep-Alive: timeout=1',
      ) + OK,
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\nx-b: 2\r\n\r\nHTTP\/1\.1 200 OK/i,
    ),
  },
  {
    section: 'RFC 9112 6.1: 103 has no coding',
    name: '103 with Transfer-Encoding',
    ...to(
      head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload', 'Transfer-Encoding: chunked') + OK,
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/i,
    ),
  },
  {
    section: 'RFC 9110 15.2: 103 without Link',
    name: '103 without Link',
    ...to(head('HTTP/1.1 103 Early Hints', 'X-A: b') + OK, GOT_OK),
  },
  {
    section: 'RFC 9110 15.2: no 1xx to HTTP/1.0',
    name: '103 to HTTP/1.0',
    ...to(
      head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload') + OK,
      gotLast('200 OK', ['Content-Length: 2'], 'ok'),
      false,
    ),
    send: HTTP_10,
    server: seen('GET /', [], { via: '1.0' }),
  },
  {
    section: 'RFC 9110 15.2: 102 goes on',
    name: '102',
    ...to(head('HTTP/1.1 102 Processing') + OK, head('HTTP/1.1 102 Processing') + GOT_OK),
  },
  { section: 'RFC 9110 15.2: an unknown 1xx', name: '199', ...to(head('HTTP/1.1 199 Odd') + OK, GOT_OK) },
  {
    section: 'RFC 9110 15.2.1: 100 unasked',
    name: '100 unasked',
    ...to(head('HTTP/1.1 100 Continue') + OK, GOT_OK),
  },
  {
    section: 'RFC 9110 15.2.2: 101 unasked',
    name: '101 unasked',
    ...bad(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket')),
  },
  {
    section: 'RFC 9110 15.2: one response may follow another 33 times',
    name: '103 without end',
    ...bad(head('HTTP/1.1 103 Early Hints').repeat(40)),
  },

  {
    section: 'RFC 9110 6.5: trailers go on, apart from headers',
    name: 'trailers',
    ...to(
      chunked('5\r\nhello\r\n0\r\nX-T: a\r\nx-u: b\r\n\r\n', 'Trailer: X-T, X-U'),
      gotChunks('200 OK', ['Trailer: X-T, X-U'], '5\r\nhello\r\n0\r\nX-T: a\r\nx-u: b\r\n\r\n'),
    ),
  },
  {
    section: 'RFC 9110 6.5.1: trailers that frame or route are dropped',
    name: 'trailers that frame the message',
    ...to(
      chunked(
        '5\r\nhello\r\n0\r\nTE: a\r\nHost: evil\r\nSet-Cookie: a=b\r\nContent-Type: x/y\r\nX-T: a\r\n\r\n',
      ),
      /\r\n\r\n5\r\nhello\r\n0\r\nX-T: a\r\n\r\n$/,
    ),
  },
  {
    section: 'RFC 9112 7.1.2: a length in a trailer is no length',
    name: 'a trailer that names a length',
    ...to(chunked('5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n'), /\r\n\r\n5\r\nhello\r\n$/, false),
  },
  {
    section: 'RFC 9110 7.6.1: Connection names trailers too',
    name: 'Connection of a response names a trailer',
    ...to(
      chunked('5\r\nhello\r\n0\r\nX-T: a\r\nX-U: b\r\n\r\n', 'Connection: X-T'),
      /\r\n\r\n5\r\nhello\r\n0\r\nX-U: b\r\n\r\n$/,
    ),
  },
  {
    section: 'RFC 9112 7.1.2: no trailers without chunks',
    name: 'trailers to HTTP/1.0',
    ...to(
      chunked('5\r\nhello\r\n0\r\nX-T: a\r\n\r\n', 'Trailer: X-T'),
      gotLast('200 OK', [], 'hello'),
      false,
    ),
    send: HTTP_10,
    server: seen('GET /', [], { via: '1.0' }),
  },
  {
    section: 'RFC 9112 7.1: a trailer that is no field',
    name: 'a trailer without a colon',
    ...to(chunked('5\r\nhello\r\n0\r\nX-T\r\n\r\n'), /\r\n\r\n5\r\nhello\r\n$/, false),
  },
]
