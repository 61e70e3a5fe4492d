import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The socket of an upgrade, with what Node's HTTP servers and sockets add. */
type UpgradeSocket = Duplex & {
  readonly server?: Server
  readonly bytesWritten?: number
  /** The response that is under way on it, of a request before. */
  readonly _httpMessage?: ServerResponse | null
}

/** Whether another listener of the host's hears of the same upgrades, of `ws` or Socket.IO for example. */
export function isShared(socket: UpgradeSocket): boolean {
  return (socket.server?.listenerCount('upgrade') ?? 0) > 1
}

/**
 * Whether another listener has the socket: it reads, has written, or has ended it. One that waits before it does so
 * cannot be known.
 */
export function isTaken(socket: UpgradeSocket, bytesBefore = socket.bytesWritten): boolean {
  if (socket.destroyed || socket.writableEnded || socket.bytesWritten !== bytesBefore) return true
  return socket.readableFlowing === true || socket.listenerCount('readable') > 0
}

/** Calls back when the other listeners were called, unless one of them has the socket by then. */
export function afterOthers(socket: UpgradeSocket, then: () => void): void {
  // What a response before it writes meanwhile is no sign of another listener.
  const bytesWritten = socket._httpMessage ? undefined : socket.bytesWritten
  // Not on the next tick: a listener that awaits what is there already has its turn, too.
  setImmediate(() => {
    if (!isTaken(socket, bytesWritten)) then()
  })
}
