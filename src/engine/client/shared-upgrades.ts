import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The socket of an upgrade request, with the fields that Node adds to it. */
type UpgradeSocket = Duplex & {
  readonly server?: Server
  readonly bytesWritten?: number
  /** The response of an earlier request that is still under way on this socket. */
  readonly _httpMessage?: ServerResponse | null
}

/** Returns whether the host has another `upgrade` listener on the server, such as one of `ws` or Socket.IO. */
export function isShared(socket: UpgradeSocket): boolean {
  return (socket.server?.listenerCount('upgrade') ?? 0) > 1
}

/**
 * Returns whether another listener uses the socket: it reads, has written,
 * or has ended it. A listener that waits before it does so cannot be seen.
 */
export function isTaken(socket: UpgradeSocket, bytesBefore = socket.bytesWritten): boolean {
  if (socket.destroyed || socket.writableEnded || socket.bytesWritten !== bytesBefore) return true
  return socket.readableFlowing === true || socket.listenerCount('readable') > 0
}

/** Calls back after the other listeners were called, unless one of them uses the socket by then. */
export function afterOthers(socket: UpgradeSocket, then: () => void): void {
  // While an earlier response is under way, its own bytes do not show that another listener writes.
  const bytesWritten = socket._httpMessage ? undefined : socket.bytesWritten
  // The next tick would be too early. A listener that awaits a resolved promise must have its turn first.
  setImmediate(() => {
    if (!isTaken(socket, bytesWritten)) then()
  })
}
