import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Calls back once no response has the socket any more: an upgrade request may stand behind others on its connection, and
 * Node gives it out while theirs are under way. To take the socket then would throw, or write into the middle of them.
 */
export function onceFree(socket: Duplex, then: () => void): void {
  const { _httpMessage: before } = socket as Duplex & { _httpMessage?: ServerResponse | null }
  if (!before) {
    then()
    return
  }
  // Node has taken its own listener off with the parser; the response would wait for ever.
  const drained = () => before.emit('drain')
  socket.on('drain', drained)
  before.once('close', () => {
    socket.off('drain', drained)
    if (!socket.destroyed && socket.writable) onceFree(socket, then)
  })
}
