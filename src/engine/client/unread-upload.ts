import type { IncomingMessage } from 'node:http'
import type { LingeringClose } from './lingering-close.js'
import { hasBody, type RequestBody } from './request-body.js'

/** A request whose response has been sent completely, while the request's body may still be arriving. */
interface Answered {
  readonly req: IncomingMessage
  /** The request's body, if a server may still read bytes of it that have not arrived. */
  readonly bodyToCome: RequestBody | undefined
}

/**
 * Waits for the rest of an upload if the response ended before the upload did. Otherwise a client could send without
 * end, and no limit would count its request. If no server reads the rest, the rest must arrive within `limits.lingerMs`.
 *
 * @param then called once, when the upload has ended or its connection has closed
 * @returns false if the upload is over already; `then` is not called in this case
 */
export function afterUpload(
  { req, bodyToCome }: Answered,
  lingering: LingeringClose,
  then: () => void,
): boolean {
  const { socket } = req
  if (req.complete || socket.destroyed || !hasBody(req)) return false
  let timer: NodeJS.Timeout | undefined
  const over = () => {
    clearTimeout(timer)
    socket.off('close', over)
    req.off('end', over)
    then()
  }
  socket.once('close', over)
  // If the connection is in a lingering close, it needs no timer here. The lingering close has its own limits.
  if (lingering.has(socket)) return true
  req.once('end', over)
  const limit = () => {
    if (!req.complete) timer = setTimeout(() => socket.destroy(), lingering.ms).unref()
  }
  if (bodyToCome) bodyToCome.once('close', limit)
  else limit()
  return true
}
