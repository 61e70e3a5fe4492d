import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Calls back once no response uses the socket. An upgrade request may follow other requests on its connection. Node hands
 * it out while their responses are under way. Taking the socket then would throw, or write into the middle of a response.
 */
export function onceFree(socket: Duplex, then: () => void): void {
  const { _httpMessage: before } = socket as Duplex & { _httpMessage?: ServerResponse | null }
  if (!before) {
    then()
    return
  }
  // Node has removed its own `drain` listener together with the parser. Without this one, the response would wait without end.
  const drained = () => before.emit('drain')
  socket.on('drain', drained)
  before.once('close', () => {
    socket.off('drain', drained)
    if (!socket.destroyed && socket.writable) onceFree(socket, then)
  })
}
