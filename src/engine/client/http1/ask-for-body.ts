import type { IncomingMessage, ServerResponse } from 'node:http'

/** Matches `100-continue` anywhere in an `Expect` header, because Node joins several `Expect` lines to one list with commas. */
const EXPECTS_100 = /(?:^|\W)100-continue(?:$|\W)/i

/**
 * Sends `100 Continue` to a client that waits for it before it sends its body (RFC 9110, 10.1.1). Does nothing for other clients.
 */
export function askForBody(req: IncomingMessage, res: ServerResponse): void {
  const { expect } = req.headers
  if (expect === undefined || req.httpVersion !== '1.1') return
  // Node sets this private flag if it has already sent `100 Continue` for the request. A second one must not follow.
  const { _sent100: isSent } = res as ServerResponse & { _sent100?: boolean }
  if (!isSent && EXPECTS_100.test(expect)) res.writeContinue()
}
