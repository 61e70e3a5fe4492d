import { ServerResponse, STATUS_CODES } from 'node:http'

/** The head of a server's response, as the client gets it. */
export interface ResponseHead {
  readonly status: number
  /** Reason phrase as the server wrote it. */
  readonly reason: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
}

const { writeHead: WRITE_HEAD } = ServerResponse.prototype

/**
 * Writes a head as the server sent it. A field that the host has set on the response stays if
 * the server does not send it. For cookies, links and `Server-Timing`, the lines of both stay.
 */
export function writeHead(
  res: ServerResponse,
  status: number,
  reason: string,
  given: readonly string[],
): void {
  // A 204 must not have a `Content-Length`, not even 0 (RFC 9110, 8.6).
  const headers = status === 204 ? withoutLength(given) : given
  const setByHost = res.getHeaderNames()
  // A `writeHead` of the host, such as that of `on-headers` 1.0, may not accept a list of names and values in turn.
  if (setByHost.length === 0 && res.writeHead === WRITE_HEAD) {
    res.writeHead(status, reason, headers as string[])
    return
  }
  const vary = setByHost.includes('vary') ? res.getHeader('vary') : undefined
  // Fields are set one by one. From a whole list, Node 20 would keep
  // only one line of each name, so only one of several cookies.
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
 * Fields of which each line counts: cookies (RFC 6265, 3), links (RFC 8288, 3), and times of one hop
 * (Server Timing, 3). Every other field has one author, which is the server if it sends the field.
 */
const ADDITIVE: ReadonlySet<string> = new Set(['set-cookie', 'link', 'server-timing'])

/**
 * Returns a `Vary` list with each name once. The list names each header
 * on which the host's or the server's choice depends (RFC 9110, 12.5.5).
 */
function joinVary(list: string): string {
  const names = new Map<string, string>()
  for (const element of list.split(',')) {
    const name = element.trim()
    if (name !== '' && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return names.has('*') ? '*' : [...names.values()].join(', ')
}

/** Returns names and values in turn, without `Content-Length`. */
export function withoutLength(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at & ~1]?.toLowerCase() !== 'content-length')
}

/** Returns the `Content-Length` among names and values in turn; 0 if there is none. */
export function lengthOf(headers: readonly string[]): number {
  const index = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length')
  return index < 0 ? 0 : Number(headers[index + 1])
}

/**
 * Returns a reason phrase that Node writes with the server's own bytes. undici decodes
 * the phrase as UTF-8. Node encodes it as Latin-1, and throws for any other character.
 */
export function reasonOf(status: number, reason: string): string {
  return reason === STATUS_CODES[status] ? reason : Buffer.from(reason, 'utf8').toString('latin1')
}
