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
 * The write is left open instead. What has come is read, and behind it the reset or an end, which ends the connection.
 *
 * @param socket of a connection to a server, before an upload is written to it
 */
export function readBehindReset(socket: Socket): void {
  if (kept.has(socket)) return
  kept.add(socket)
  const { _write: write, _writev: writev } = socket as Writing
  const target: Writing = socket
  target._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, unlessReset(done))
  if (writev) target._writev = (chunks, done) => writev.call(socket, chunks, unlessReset(done))
}

function unlessReset(done: Done): Done {
  return (error) => {
    const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
    if (!RESET.has(code)) done(error)
  }
}
