import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { hasBody } from '../request-body.js'
import type { LingeringClose } from './lingering-close.js'

/**
 * Waits for the rest of an upload if the response ended before the upload did. Otherwise a client could send without
 * end, and no limit would count its request. If no server reads the rest, the rest must arrive within `limits.lingerMs`.
 *
 * @param reader the stream through which a server still reads the body, if there is one
 * @param lingering closes connections in stages, with limits of its own
 * @param then called once, when the upload has ended or its connection has closed
 * @returns false if the upload is over already; `then` is not called in this case
 */
export function afterUpload(
  req: IncomingMessage,
  reader: Readable | undefined,
  lingering: LingeringClose | undefined,
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
  if (!lingering || lingering.has(socket)) return true
  req.once('end', over)
  const limit = () => {
    if (!req.complete) timer = setTimeout(() => socket.destroy(), lingering.ms).unref()
  }
  if (reader) reader.once('close', limit)
  else limit()
  return true
}
