import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The socket of an upgrade request, with the fields that Node adds to it. */
type UpgradeSocket = Duplex & {
  readonly server?: Server
  readonly bytesWritten?: number
  /** The response to an earlier request, while that response is still being written to this socket. */
  readonly _httpMessage?: ServerResponse | null
}

/**
 * Returns whether the socket's server has a second `upgrade` listener
 * besides that of the proxy, such as that of `ws` or Socket.IO.
 */
export function isShared(socket: UpgradeSocket): boolean {
  return (socket.server?.listenerCount('upgrade') ?? 0) > 1
}

/**
 * Returns whether another `upgrade` listener uses the socket: it reads from the socket, or has
 * written to it or ended it. This function cannot recognise a listener that will do so only later.
 */
export function isTaken(socket: UpgradeSocket, bytesBefore = socket.bytesWritten): boolean {
  if (socket.destroyed || socket.writableEnded || socket.bytesWritten !== bytesBefore) return true
  return socket.readableFlowing === true || socket.listenerCount('readable') > 0
}

/** Calls `then` after the other `upgrade` listeners have run, unless one of them uses the socket by then. */
export function afterOthers(socket: UpgradeSocket, then: () => void): void {
  // Number of bytes written so far. A higher number later means that another listener has written. The number
  // is undefined while an earlier response is being written, because the bytes of that response count too.
  const bytesWritten = socket._httpMessage ? undefined : socket.bytesWritten
  // Waits for the next turn of the event loop. `process.nextTick` would be
  // too early: a listener that awaits a resolved promise must run first.
  setImmediate(() => {
    if (!isTaken(socket, bytesWritten)) then()
  })
}
