import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { RequestBytes } from './sent-request.js'

/**
 * Milliseconds after which the head of a request is sent without the first byte of its body. A body that comes within this time
 * leaves together with its head.
 */
const WAIT_MS = 5

type Write = Socket['write']

/**
 * Sends the head of a request whose body does not begin. undici writes a head only together with the first byte of the body. A
 * client that sends the head of a POST and waits for 401 or 413 would otherwise wait until it is timed out.
 *
 * The head is written here, after `WAIT_MS`. undici writes it once more with the body, and that second one is left out.
 *
 * @param socket the socket of a server connection, on which undici has begun the request and has written nothing of it
 * @param closes whether the connection closes after the response
 */
export function sendHeadWithoutBody(socket: Socket, request: RequestBytes, closes: boolean): void {
  const { bytesWritten } = socket
  const body = request.body as Readable
  setTimeout(() => {
    const hasBegun = body.readableDidRead || body.readableEnded || body.destroyed
    // Whatever undici has written since then began with the head.
    if (hasBegun || !socket.writable || socket.bytesWritten !== bytesWritten) return
    const isChunked = !hasLength(request)
    const write: Write = socket.write
    socket.write(headOf(request, closes, isChunked), 'latin1')
    socket.write = leaveOutHead(socket, write, `${request.method} ${request.path} HTTP/1.1\r\n`, isChunked)
  }, WAIT_MS)
}

/** Returns the head as undici writes it, apart from the order of its fields. */
function headOf(request: RequestBytes, closes: boolean, isChunked: boolean): string {
  const { method, path, headers } = request
  let fields = ''
  for (let index = 0; index < headers.length; index += 2)
    fields += `${headers[index]}: ${headers[index + 1]}\r\n`
  const framing = isChunked ? 'transfer-encoding: chunked\r\n' : ''
  return `${method} ${path} HTTP/1.1\r\nconnection: ${closes ? 'close' : 'keep-alive'}\r\n${fields}${framing}\r\n`
}

function hasLength({ headers }: RequestBytes): boolean {
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length')
}

/**
 * Returns a `write` for the next two writes of undici: the head, which is left out, and what follows it. Any other write would
 * corrupt the request, so it ends the connection.
 *
 * @param start how the head begins
 */
function leaveOutHead(socket: Socket, write: Write, start: string, isChunked: boolean): Write {
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
    // The size of the first chunk follows, behind the end of the line that the head has had already.
    if (chunk.endsWith('\r\ntransfer-encoding: chunked\r\n')) {
      if (!isChunked) return corrupt()
      socket.write = afterHead
      return true
    }
    restore()
    const isEmpty = !/\r\ncontent-length: [1-9]\d*\r\n\r\n$/.test(chunk)
    // The body has ended without a byte. In chunks, that is the last chunk.
    if (isChunked) return isEmpty ? socket.write('0\r\n\r\n', 'latin1') : corrupt()
    return isEmpty ? corrupt() : true
  }
}
