import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Calls `then` once no response uses the socket. An upgrade request may follow other requests
 * on its connection, and Node emits it before the responses to those requests are complete.
 * Using the socket at that time would throw an error, or write into the middle of a response.
 */
export function onceFree(socket: Duplex, then: () => void): void {
  const { _httpMessage: before } = socket as Duplex & { _httpMessage?: ServerResponse | null }
  if (!before) {
    then()
    return
  }
  // Tells the response that the socket can take more bytes. Node has removed its own `drain` listener
  // together with the parser. Without this new listener, the response would wait without end.
  const drained = () => before.emit('drain')
  socket.on('drain', drained)
  before.once('close', () => {
    socket.off('drain', drained)
    if (!socket.destroyed && socket.writable) onceFree(socket, then)
  })
}
