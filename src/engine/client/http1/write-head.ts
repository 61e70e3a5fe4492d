import { ServerResponse, STATUS_CODES } from 'node:http'
import { withoutLength } from '../../headers/response-head.js'

const { writeHead: WRITE_HEAD } = ServerResponse.prototype

/**
 * Writes the status line and headers of a response to the client. A header
 * that the application has set on the response stays if the server does not send that
 * header. For cookies, links and `Server-Timing`, the client gets the lines of both.
 */
export function writeHead(
  res: ServerResponse,
  status: number,
  reason: string | undefined,
  given: readonly string[],
): void {
  // Removes the `Content-Length` from a 204 response, which must not have one, not even 0 (RFC 9110, 8.6).
  const headers = status === 204 ? withoutLength(given) : given
  const phrase = reason === undefined ? standardReason(status) : reasonOf(status, reason)
  const setByHost = res.getHeaderNames()
  // If the application has neither set headers nor replaced `writeHead`, writes the whole list at once.
  // A replacement, such as that of `on-headers` 1.0, may not accept a list of names and values in turn.
  if (setByHost.length === 0 && res.writeHead === WRITE_HEAD) {
    res.writeHead(status, phrase, headers as string[])
    return
  }
  const vary = setByHost.includes('vary') ? res.getHeader('vary') : undefined
  // Sets the headers one by one, after removing those of the application with the same names. Given
  // a whole list, Node 20 would keep only one line of each name, so only one of several cookies.
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    if (!ADDITIVE.has(name.toLowerCase())) res.removeHeader(name)
  }
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    res.appendHeader(name, headers[index + 1] as string)
  }
  if (vary !== undefined) res.setHeader('Vary', joinVary([vary, res.getHeader('vary')].join()))
  res.writeHead(status, phrase)
}

/**
 * Names of headers of which the client gets all lines, those of the application and those of the
 * server. They are cookies (RFC 6265, 3), links (RFC 8288, 3), and times of one hop (Server Timing,
 * 3). Every other header but `Vary` has one author, which is the server if it sends the header.
 */
const ADDITIVE: ReadonlySet<string> = new Set(['set-cookie', 'link', 'server-timing'])

/**
 * Returns the value of a `Vary` header with each name once. It names each request header on which
 * the choice of a response depends, in the application or in the server (RFC 9110, 12.5.5).
 */
function joinVary(list: string): string {
  const names = new Map<string, string>()
  for (const element of list.split(',')) {
    const name = element.trim()
    if (name !== '' && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return names.has('*') ? '*' : [...names.values()].join(', ')
}

/** Returns the reason phrase that belongs to a status, as Node does. */
function standardReason(status: number): string {
  return STATUS_CODES[status] ?? 'unknown'
}

/**
 * Converts the reason phrase of a server's status line, so that Node sends the same bytes that the server sent.
 * undici decodes the phrase as UTF-8. Node encodes it as Latin-1, and throws for any other character.
 */
function reasonOf(status: number, reason: string): string {
  return reason === STATUS_CODES[status] ? reason : Buffer.from(reason, 'utf8').toString('latin1')
}
