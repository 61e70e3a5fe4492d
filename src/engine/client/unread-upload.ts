import type { IncomingMessage } from 'node:http'
import type { LingeringClose } from './lingering-close.js'
import { hasBody, type RequestBody } from './request-body.js'

/** A request whose response has ended. */
interface Answered {
  readonly req: IncomingMessage
  /** The request's body, if bytes of it are still to come that a server may read. */
  readonly bodyToCome: RequestBody | undefined
}

/**
 * Waits for the rest of an upload whose response has ended before it. Otherwise a client could send without
 * end, and no limit would count it. If no server reads the rest, it has `limits.lingerMs` to arrive.
 *
 * @param then called once, when nothing more will come
 * @returns false if nothing more will come; `then` is not called in this case
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
  // The lingering close has limits of its own.
  if (lingering.has(socket)) return true
  req.once('end', over)
  const limit = () => {
    if (!req.complete) timer = setTimeout(() => socket.destroy(), lingering.ms).unref()
  }
  if (bodyToCome) bodyToCome.once('close', limit)
  else limit()
  return true
}
