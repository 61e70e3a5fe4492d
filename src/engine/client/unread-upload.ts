import type { IncomingMessage } from 'node:http'
import type { LingeringClose } from './lingering-close.js'
import { hasBody, type RequestBody } from './request-body.js'

/** A request whose response has ended. */
interface Answered {
  readonly req: IncomingMessage
  /** What is still to come of its body, and may be read by a server. */
  readonly bodyToCome: RequestBody | undefined
}

/**
 * Waits for the rest of an upload whose response has ended before it: a client could send without end what nobody counts.
 * A rest that no server reads has the time of a connection that is being closed.
 *
 * @param then called once, when nothing is to come any more
 * @returns false if nothing is to come: `then` is not called
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
  // Its limits hold there.
  if (lingering.has(socket)) return true
  req.once('end', over)
  const limit = () => {
    if (!req.complete) timer = setTimeout(() => socket.destroy(), lingering.ms).unref()
  }
  if (bodyToCome) bodyToCome.once('close', limit)
  else limit()
  return true
}
