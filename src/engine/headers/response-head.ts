import { ServerResponse, STATUS_CODES } from 'node:http'

/** The status line and headers of a server's response, as the client gets them. */
export interface ResponseHead {
  readonly status: number
  /** Reason phrase of the status line, as the server wrote it. */
  readonly reason: string
  /** Header names and values in turn: name, value, name, value. */
  readonly headers: readonly string[]
}

const { writeHead: WRITE_HEAD } = ServerResponse.prototype

/**
 * Writes the status line and headers of a server's response to the client. A header
 * that the application has set on the response stays if the server does not send that
 * header. For cookies, links and `Server-Timing`, the client gets the lines of both.
 */
export function writeHead(
  res: ServerResponse,
  status: number,
  reason: string,
  given: readonly string[],
): void {
  // Removes the `Content-Length` from a 204 response, which must not have one, not even 0 (RFC 9110, 8.6).
  const headers = status === 204 ? withoutLength(given) : given
  const setByHost = res.getHeaderNames()
  // If the application has neither set headers nor replaced `writeHead`, writes the whole list at once.
  // A replacement, such as that of `on-headers` 1.0, may not accept a list of names and values in turn.
  if (setByHost.length === 0 && res.writeHead === WRITE_HEAD) {
    res.writeHead(status, reason, headers as string[])
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
  res.writeHead(status, reason)
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

/** Returns a list of header names and values in turn without `Content-Length`. */
export function withoutLength(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at & ~1]?.toLowerCase() !== 'content-length')
}

/** Returns the `Content-Length` from a list of header names and values in turn; 0 if the list has none. */
export function lengthOf(headers: readonly string[]): number {
  const index = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length')
  return index < 0 ? 0 : Number(headers[index + 1])
}

/**
 * Converts the reason phrase of a status line, so that Node sends the same bytes that the server sent.
 * undici decodes the phrase as UTF-8. Node encodes it as Latin-1, and throws for any other character.
 */
export function reasonOf(status: number, reason: string): string {
  return reason === STATUS_CODES[status] ? reason : Buffer.from(reason, 'utf8').toString('latin1')
}
