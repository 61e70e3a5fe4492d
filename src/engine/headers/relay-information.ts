import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { forwardResponseHeaders } from './forward-headers.js'
import type { RawFields } from './raw-fields.js'

/**
 * Passes on what a server sends before its response (RFC 9110, 15.2): 102 Processing and 103 Early Hints,
 * never to an HTTP/1.0 client. The proxy sends 100 itself. Other statuses have no use and are dropped.
 */
export function relayInformation(res: ServerResponse, status: number, fields: RawFields): void {
  if (res.headersSent || res.req.httpVersion !== '1.1') return
  if (status === 102) res.writeProcessing()
  if (status === 103) writeHints(res, fields)
}

/**
 * Writes a 103 on the socket itself. Node's `writeEarlyHints` checks links by a regular expression that
 * backtracks. One line of 24 parameters takes it seconds, in which the whole process stands still.
 *
 * A client can do without hints. None are kept for a response that waits behind others
 * on its connection. None are kept for a client that has not read what came before.
 */
function writeHints(res: ServerResponse, fields: RawFields): void {
  const { socket } = res
  if (!socket?.writable || socket.writableNeedDrain) return
  const hints = hintsOf(fields)
  if (hints !== undefined) socket.write(`HTTP/1.1 103 Early Hints\r\n${hints}\r\n`, 'latin1')
}

/** Returns the lines of a 103. Returns undefined without a link, and for fields that HTTP does not allow. */
function hintsOf(fields: RawFields): string | undefined {
  let links = ''
  let others = ''
  try {
    const headers = forwardResponseHeaders(fields)
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] as string
      const value = headers[index + 1] as string
      const lower = name.toLowerCase()
      if (NOT_IN_HINTS.has(lower)) continue
      // A value with a line break would begin a line of its own on the socket.
      validateHeaderName(name)
      validateHeaderValue(name, value)
      if (lower === 'link') links += isLink(value) ? `Link: ${value}\r\n` : ''
      else others += `${name}: ${value}\r\n`
    }
  } catch {
    return undefined
  }
  return links === '' ? undefined : links + others
}

/** Returns whether a line begins with a link (RFC 8288, 3). The rest is for clients to parse, which know more forms. */
function isLink(line: string): boolean {
  return line.startsWith('<') && line.includes('>')
}

/**
 * Fields that do not belong in a 103. A client that believed a length would
 * take the response for a body. Cookies belong to the response itself.
 */
const NOT_IN_HINTS = new Set(['content-length', 'set-cookie'])
