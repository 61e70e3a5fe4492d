import type { Socket } from 'node:net'

/** The error codes of a write to a connection that the other side has reset. */
const RESET = new Set(['EPIPE', 'ECONNRESET'])

type Done = (error?: Error | null) => void

/** The functions in which every write of a socket ends. Node calls `_writev` to write several pieces at once. */
type Writing = Pick<Socket, '_write' | '_writev'>

/** Sockets whose write functions `readBehindReset` has already replaced. */
const prepared = new WeakSet<Socket>()

/**
 * Lets the proxy read a response to its end after a write has found the connection reset.
 *
 * A server may respond early to an upload and close without reading the rest. Its system then resets the connection.
 * The response arrived before the reset, and the proxy has not read it yet. At the failed write, Node would destroy the
 * socket and lose the response. This function therefore leaves the failed write open, so the proxy can read what arrived.
 * The end behind the response then fails the connection, as the write would have.
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
 * Fails the socket when its reader reaches the end. The system reports a reset only once, and the write got that report.
 * To the reader, the connection then seems to end properly, even if the response is incomplete.
 */
function failAtEnd(socket: Socket, error: Error): void {
  socket.removeAllListeners('end')
  socket.once('end', () => socket.destroy(error))
}
