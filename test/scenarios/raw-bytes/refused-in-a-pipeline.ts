import { get, head, post, type RawCase, seen } from './case.js'

/** Behind what is refused: its body, or a request that somebody else is to be taken for. */
const SMUGGLED = head('GET /smuggled HTTP/1.1', 'Host: a.b')

const refused = (what: string, status: number, bytes: string): RawCase => ({
  section: `RFC 9112 9.3.2, 9.6: nothing behind a refusal is processed, ${what}`,
  name: `a request behind ${what} that stands behind another`,
  send: get() + bytes + SMUGGLED,
  server: seen(),
  client: new RegExp(
    `^HTTP/1\\.1 200 [\\s\\S]*\\r\\n\\r\\nokHTTP/1\\.1 ${status} [\\s\\S]*\\r\\nConnection: close\\r\\n`,
  ),
  open: false,
})

/** The refusal waits for the response before it; meanwhile the connection brings more. */
export const refusedInAPipeline: readonly RawCase[] = [
  refused('an invalid Host', 400, head('GET / HTTP/1.1', 'Host: a b')),
  refused(
    'an invalid Host with a body',
    400,
    `${head('POST / HTTP/1.1', 'Host: a b', 'Content-Length: 5')}hello`,
  ),
  refused('an unknown coding', 501, post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n')),
  refused('a backslash in the path', 400, head('GET /a\\b HTTP/1.1', 'Host: a.b')),
]
