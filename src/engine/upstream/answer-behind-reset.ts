import type { Socket } from 'node:net'

/** What a write says where the other side has reset the connection. */
const RESET = new Set(['EPIPE', 'ECONNRESET'])

type Done = (error?: Error | null) => void

/** What writes of a socket end in; with `_writev` Node writes several pieces at once. */
type Writing = Pick<Socket, '_write' | '_writev'>

const kept = new WeakSet<Socket>()

/**
 * Lets a connection be read to its end after a write has found it reset.
 *
 * A server may answer an upload early, and close without reading the rest: its system resets the connection then. The answer
 * came before the reset and lies there unread. Node would destroy the socket at the failed write, and the answer with it.
 * The write is left open instead. What has come is read. The end behind it fails the connection, as the write would have.
 *
 * @param socket of a connection to a server, before an upload is written to it
 */
export function readBehindReset(socket: Socket): void {
  if (kept.has(socket)) return
  kept.add(socket)
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

/** The system tells of a reset once: it told the write, and ends the reading as if all had been said. That end proves nothing. */
function failAtEnd(socket: Socket, error: Error): void {
  socket.removeAllListeners('end')
  socket.once('end', () => socket.destroy(error))
}
