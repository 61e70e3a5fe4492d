import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

/**
 * Passes on what a server says before its response (RFC 9110, 15.2): 103 Early Hints and 102 Processing, never to a client
 * of HTTP/1.0. 100 is answered by ourselves, and other statuses nobody has a use for.
 */
export function relayInformation(res: ServerResponse, status: number, headers: IncomingHttpHeaders): void {
  if (res.headersSent || res.req.httpVersion !== '1.1') return
  if (status === 102) res.writeProcessing()
  if (status !== 103) return
  const hints: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) hints[name] = value
  try {
    res.writeEarlyHints(hints)
  } catch {
    // Node takes well-formed links alone. They are hints: a client does without.
  }
}
