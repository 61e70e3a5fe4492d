import type { ServerResponse } from 'node:http'
import { forwardResponseHeaders } from './forward-headers.js'
import type { RawFields } from './sent-request.js'

/**
 * Passes on what a server says before its response (RFC 9110, 15.2): 103 Early Hints and 102 Processing, never to a client
 * of HTTP/1.0. 100 is answered by ourselves, and other statuses nobody has a use for.
 */
export function relayInformation(res: ServerResponse, status: number, fields: RawFields): void {
  if (res.headersSent || res.req.httpVersion !== '1.1') return
  if (status === 102) res.writeProcessing()
  if (status !== 103) return
  const hints: Record<string, string[]> = Object.create(null)
  const headers = forwardResponseHeaders(fields)
  for (let index = 0; index < headers.length; index += 2) {
    const name = (headers[index] as string).toLowerCase()
    const value = headers[index + 1] as string
    if (NOT_IN_HINTS.has(name)) continue
    hints[name] ??= []
    hints[name].push(...(name === 'link' ? linksIn(value) : [value]))
  }
  try {
    res.writeEarlyHints(hints)
  } catch {
    // Node takes well-formed links alone. They are hints: a client does without.
  }
}

/** Node would join the lines of a cookie, and a client that believed a length would take the response for a body. */
const NOT_IN_HINTS = new Set(['content-length', 'set-cookie'])

/** One by one, as Node takes them: a server may write several in a line (RFC 8288, 3). */
function linksIn(line: string): string[] {
  return line.match(/<[^<>]*>[^,"]*(?:"[^"]*"[^,"]*)*/g)?.map((link) => link.trim()) ?? [line]
}
