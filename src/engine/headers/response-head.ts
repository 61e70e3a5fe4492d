import { ServerResponse, STATUS_CODES } from 'node:http'

/** The head of a server's response, as the client is to get it. */
export interface ResponseHead {
  readonly status: number
  /** As the server wrote it. */
  readonly reason: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
}

const { writeHead: WRITE_HEAD } = ServerResponse.prototype

/**
 * Writes a head as the server sent it. What the host has set on the response stays where the server says nothing. Of fields whose
 * lines add to each other, both stay.
 */
export function writeHead(
  res: ServerResponse,
  status: number,
  reason: string,
  given: readonly string[],
): void {
  // Such a response must name no length, not even 0 (RFC 9110, 8.6).
  const headers = status === 204 ? withoutLength(given) : given
  const ours = res.getHeaderNames()
  // One of the host's, as of `on-headers` 1.0, may know no list of names and values in turn.
  if (ours.length === 0 && res.writeHead === WRITE_HEAD) {
    res.writeHead(status, reason, headers as string[])
    return
  }
  const vary = ours.includes('vary') ? res.getHeader('vary') : undefined
  // Node 20 would keep one line only of each name, so one cookie of several.
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    if (!ADDED.has(name.toLowerCase())) res.removeHeader(name)
  }
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    res.appendHeader(name, headers[index + 1] as string)
  }
  if (vary !== undefined) res.setHeader('Vary', joinVary([vary, res.getHeader('vary')].join()))
  res.writeHead(status, reason)
}

/**
 * Each line says something of its own: cookies (RFC 6265, 3), links (RFC 8288, 3), times of one hop (Server Timing, 3).
 * All other fields have one author, who is the server if it says anything.
 */
const ADDED: ReadonlySet<string> = new Set(['set-cookie', 'link', 'server-timing'])

/** All that either side's choice hung on, each name once (RFC 9110, 12.5.5). */
function joinVary(list: string): string {
  const names = new Map<string, string>()
  for (const element of list.split(',')) {
    const name = element.trim()
    if (name !== '' && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return names.has('*') ? '*' : [...names.values()].join(', ')
}

/** Names and values in turn, without `Content-Length`. */
export function withoutLength(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at & ~1]?.toLowerCase() !== 'content-length')
}

/** The `Content-Length` among names and values in turn; 0 if there is none. */
export function lengthOf(headers: readonly string[]): number {
  const index = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length')
  return index < 0 ? 0 : Number(headers[index + 1])
}

/** undici reads a reason phrase as UTF-8, node writes Latin-1 and throws at all else: its bytes are what should leave. */
export function reasonOf(status: number, reason: string): string {
  return reason === STATUS_CODES[status] ? reason : Buffer.from(reason, 'utf8').toString('latin1')
}
