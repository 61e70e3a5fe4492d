import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { forwardResponseHeaders } from './forward-headers.js'
import type { RawFields } from './raw-fields.js'

/**
 * Passes on what a server says before its response (RFC 9110, 15.2): 103 Early Hints and 102 Processing, never to a client
 * of HTTP/1.0. 100 is answered by ourselves, and other statuses nobody has a use for.
 */
export function relayInformation(res: ServerResponse, status: number, fields: RawFields): void {
  if (res.headersSent || res.req.httpVersion !== '1.1') return
  if (status === 102) res.writeProcessing()
  if (status === 103) writeHints(res, fields)
}

/**
 * Writes a 103 on the socket itself. Node's `writeEarlyHints` looks at links by an expression that backtracks: one line of
 * 24 parameters takes it seconds, in which the whole process stands still.
 *
 * They are hints, which a client does without: none are kept for a response that waits behind others on its connection,
 * nor for a client that has not read what came before.
 */
function writeHints(res: ServerResponse, fields: RawFields): void {
  const { socket } = res
  if (!socket?.writable || socket.writableNeedDrain) return
  const hints = hintsOf(fields)
  if (hints !== undefined) socket.write(`HTTP/1.1 103 Early Hints\r\n${hints}\r\n`, 'latin1')
}

/** The lines of a 103; undefined without a link, and for what HTTP does not allow. */
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
      // Written to the socket, a value with a line end would begin a line of its own.
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

/** Whether a line begins with a link (RFC 8288, 3). What stands behind it is for clients to read, who know more forms. */
function isLink(line: string): boolean {
  return line.startsWith('<') && line.includes('>')
}

/** A client that believed a length would take the response for a body; cookies are the response's. */
const NOT_IN_HINTS = new Set(['content-length', 'set-cookie'])
