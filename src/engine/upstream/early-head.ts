import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { RequestBytes } from './request-bytes.js'

/**
 * Milliseconds after which the head of a request is sent without the first byte of its body. A body that comes within this time
 * leaves together with its head.
 */
const WAIT_MS = 5

type Write = Socket['write']

const CHUNKED = 'transfer-encoding: chunked\r\n'

/** The head of a request whose body is a stream. Its text is only made if the body does not begin. */
export interface EarlyHead {
  readonly method: string
  readonly path: string
  /** A copy of names and values: a hook of the application may change the list of the request later. */
  readonly headers: readonly string[]
  readonly body: Readable
  /** Whether the connection closes after the response. */
  readonly closes: boolean
}

/** Returns the head of a request whose body is a stream; undefined for any other request. */
export function headOfRequest(
  { method, path, headers, body }: RequestBytes,
  closes: boolean,
): EarlyHead | undefined {
  if (body === null || Buffer.isBuffer(body)) return undefined
  return { method, path, headers: [...headers], body: body as Readable, closes }
}

/** Returns the text of a head, exactly as undici writes it. The last field, which frames the body, stands apart. */
function textOf({ method, path, headers, closes }: EarlyHead): { start: string; framing: string } {
  let [host, others, framing] = ['', '', CHUNKED]
  for (let index = 0; index < headers.length; index += 2) {
    const [name = '', value = ''] = [headers[index], headers[index + 1]]
    const small = name.toLowerCase()
    if (small === 'host') host = value
    else if (small === 'content-length') framing = `content-length: ${Number.parseInt(value, 10)}\r\n`
    else others += `${name}: ${value}\r\n`
  }
  const connection = closes ? 'close' : 'keep-alive'
  const start = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n${others}`
  return { start, framing }
}

/**
 * Sends the head of a request whose body does not begin. undici writes a head only together with the first byte of the body. A
 * client that sends the head of a POST and waits for 401 or 413 would otherwise wait until it is timed out.
 *
 * The head is written here, after `WAIT_MS`. undici writes it once more with the body, and that second one is left out.
 *
 * @param socket the socket of a server connection, on which undici has begun the request and has written nothing of it
 */
export function sendHeadWithoutBody(socket: Socket, head: EarlyHead): void {
  const { bytesWritten } = socket
  const { body } = head
  setTimeout(() => {
    const hasBegun = body.readableDidRead || body.readableEnded || body.destroyed
    // Whatever undici has written since then began with the head.
    if (hasBegun || !socket.writable || socket.bytesWritten !== bytesWritten) return
    const { start, framing } = textOf(head)
    const write: Write = socket.write
    socket.write(`${start}${framing}\r\n`, 'latin1')
    socket.write = leaveOutHead(socket, write, start, framing)
  }, WAIT_MS)
}

/**
 * Returns a `write` for the next two writes of undici: the head, which is left out, and what follows it. Any other write would
 * corrupt the request, so it ends the connection.
 *
 * @param start the head without its last field
 * @param framing the last field
 */
function leaveOutHead(socket: Socket, write: Write, start: string, framing: string): Write {
  const restore = () => {
    socket.write = write
  }
  const corrupt = (): boolean => {
    restore()
    socket.destroy(new Error('the body of a request did not begin as expected'))
    return false
  }
  const afterHead: Write = (chunk: unknown, ...rest: unknown[]): boolean => {
    if (typeof chunk !== 'string' || !chunk.startsWith('\r\n')) return corrupt()
    restore()
    return (socket.write as (...given: unknown[]) => boolean)(chunk.slice(2), ...rest)
  }
  return (chunk: unknown): boolean => {
    if (typeof chunk !== 'string' || !chunk.startsWith(start)) return corrupt()
    const end = chunk.slice(start.length)
    if (framing !== CHUNKED) {
      if (end !== `${framing}\r\n`) return corrupt()
      restore()
      return true
    }
    // The size of the first chunk follows, behind the end of the line that the head has had already.
    if (end === CHUNKED) {
      socket.write = afterHead
      return true
    }
    // The body has ended without a byte, which undici says by a length, or by no framing at all. In chunks, it is the last chunk.
    if (end !== 'content-length: 0\r\n\r\n' && end !== '\r\n') return corrupt()
    restore()
    return socket.write('0\r\n\r\n', 'latin1')
  }
}
