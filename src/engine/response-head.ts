import { type ServerResponse, STATUS_CODES } from 'node:http'

/** Writes a head as the server sent it; what the host has set on the response stays where the server says nothing. */
export function writeHead(
  res: ServerResponse,
  status: number,
  reason: string,
  given: readonly string[],
): void {
  // Such a response must name no length, not even 0 (RFC 9110, 8.6).
  const headers = status === 204 ? withoutLength(given) : given
  if (res.getHeaderNames().length === 0) {
    res.writeHead(status, reason, headers as string[])
    return
  }
  // Node 20 would keep one line only of each name, so one cookie of several.
  for (let index = 0; index < headers.length; index += 2) res.removeHeader(headers[index] as string)
  for (let index = 0; index < headers.length; index += 2)
    res.appendHeader(headers[index] as string, headers[index + 1] as string)
  res.writeHead(status, reason)
}

function withoutLength(headers: readonly string[]): string[] {
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
