import type { Socket } from 'node:net'

/** The error codes with which a write fails after the other side has reset the connection. */
const RESET = new Set(['EPIPE', 'ECONNRESET'])

type Done = (error?: Error | null) => void

/** The two internal functions of a socket that do every write. Node calls `_writev` to write several pieces at once. */
type Writing = Pick<Socket, '_write' | '_writev'>

/** Sockets whose write functions `readBehindReset` has already replaced. */
const prepared = new WeakSet<Socket>()

/**
 * Lets the proxy read a response to its end, even if a write to the server fails because the connection was reset.
 *
 * A server may respond early to an upload, and close the connection without reading the rest of the upload. The server's
 * operating system then resets the connection. The response arrived before the reset, but the proxy has not read it yet. At the
 * failed write, Node would destroy the socket and lose the response. This function therefore does not tell Node that the write
 * has failed, so the proxy can read what arrived. When the proxy reaches the end of the received bytes, the socket is destroyed
 * with the error of the write.
 *
 * @param socket the socket of a server connection, before the proxy writes an upload to it
 */
export function readBehindReset(socket: Socket): void {
  if (prepared.has(socket)) return
  prepared.add(socket)
  const { _write: write, _writev: writev } = socket as Writing
  const unlessReset =
    (done: Done): Done =>
    (error) => {
      const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
      if (RESET.has(code)) failAtEnd(socket, error as Error)
      else done(error)
    }
  const target: Writing = socket
  target._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, unlessReset(done))
  if (writev) target._writev = (chunks, done) => writev.call(socket, chunks, unlessReset(done))
}

/**
 * Destroys the socket with the error of a failed write, once the proxy has read all bytes that arrived. The operating system
 * reports a reset only once, and the write got that report. Without this function, the connection would seem to end properly,
 * even if the response is incomplete.
 */
function failAtEnd(socket: Socket, error: Error): void {
  socket.removeAllListeners('end')
  socket.once('end', () => socket.destroy(error))
}
