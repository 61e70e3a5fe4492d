import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { forwardResponseHeaders } from '../../headers/forward-headers.js'
import type { RawFields } from '../../headers/raw-fields.js'

/**
 * Passes an informational response (1xx) of a server on to the client (RFC 9110, 15.2): 102 Processing or 103 Early Hints,
 * never to an HTTP/1.0 client. The proxy sends 100 Continue itself. Other informational responses have no use and are dropped.
 */
export function relayInformation(res: ServerResponse, status: number, fields: RawFields): void {
  if (res.headersSent || res.req.httpVersion !== '1.1') return
  if (status === 102) res.writeProcessing()
  if (status === 103) writeHints(res, fields)
}

/**
 * Writes a 103 Early Hints response directly to the socket. Node's `writeEarlyHints` checks links by a regular
 * expression that backtracks. One `Link` header with 24 parameters would block the whole process for seconds.
 *
 * A client can do without hints. They are dropped if the response waits behind other responses
 * on its connection. They are also dropped if the client has not read the bytes that were sent before.
 */
function writeHints(res: ServerResponse, fields: RawFields): void {
  const { socket } = res
  if (!socket?.writable || socket.writableNeedDrain) return
  const hints = hintsOf(fields)
  if (hints !== undefined) socket.write(`HTTP/1.1 103 Early Hints\r\n${hints}\r\n`, 'latin1')
}

/**
 * Returns the header lines of a 103 Early Hints response as one string. Returns
 * undefined if there is no link, or if HTTP does not allow one of the headers.
 */
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
      // Throws for an invalid name or value. A value with a line break would begin another header line on the socket.
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

/**
 * Returns whether the value of a `Link` header begins with a link
 * (RFC 8288, 3). Clients parse the rest, and they know more forms.
 */
function isLink(line: string): boolean {
  return line.startsWith('<') && line.includes('>')
}

/**
 * Names of headers that are left out of a 103 Early Hints response. A client that believed a `Content-Length`
 * would take the final response for the body of the 103. Cookies belong to the final response.
 */
const NOT_IN_HINTS = new Set(['content-length', 'set-cookie'])
