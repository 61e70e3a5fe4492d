import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../../../model/errors.js'
import { ALLOWED_METHODS } from '../error-response.js'
import { hasBody } from '../request-body.js'
import type { LingeringClose } from './lingering-close.js'
import { onceFree } from './once-free.js'
import { isHeld } from './pipelines.js'

/** A client's socket on a node:http server, with the fields that Node adds to it. */
type ServedSocket = Duplex & {
  _httpMessage?: ServerResponse | null
  server?: Server
  destroySoon?: () => void
}

/**
 * HTTP status of the answer to a `clientError` event, by the code of
 * its error. The statuses are those of Node. Every other code gets 400.
 */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Makes a server answer the requests that Node gives to no request handler: bytes that its parser
 * rejects, late request heads, CONNECT requests, and unknown values of `Expect`. If the application's own
 * code already listens for `clientError` or `checkExpectation`, that listener answers the event instead.
 *
 * @param methods the methods for the `Allow` header of the answer to CONNECT
 * @returns a function that removes the listeners again
 */
export function refuseBarely(
  server: Server,
  lingering: LingeringClose,
  methods = ALLOWED_METHODS,
): () => void {
  const onClientError = (error: NodeJS.ErrnoException, socket: Duplex) =>
    answerClientError(error, socket, lingering)
  const onConnect = (_req: IncomingMessage, socket: Duplex) => refuseConnect(socket, lingering, methods)
  const onExpectation = (req: IncomingMessage, res: ServerResponse) => {
    if (server.listenerCount('checkExpectation') === 1) refuseExpectation(req, res, lingering)
  }
  if (server.listenerCount('clientError') === 0) server.on('clientError', onClientError)
  server.on('connect', onConnect)
  if (server.listenerCount('checkExpectation') === 0) server.on('checkExpectation', onExpectation)
  const closeSoon = function (this: Duplex) {
    lingering.endSoon(this)
  }
  // Replaces Node's `destroySoon`, which closes a connection after its last response, such as Node's own 400 for a
  // missing `Host` header. The replacement closes the connection in stages, so that the client can read the response.
  const onConnection = (socket: ServedSocket) => {
    socket.destroySoon = closeSoon
  }
  for (const event of ['connection', 'secureConnection']) server.on(event, onConnection)
  return () => {
    for (const event of ['connection', 'secureConnection']) server.off(event, onConnection)
    server.off('clientError', onClientError)
    server.off('connect', onConnect)
    server.off('checkExpectation', onExpectation)
  }
}

/**
 * Answers a `clientError` event with the status that Node would send, then closes the connection. Bytes after the last request
 * of a connection are ignored (RFC 9112, 9.6). Node would answer them with a 400, instead of the response that is being sent.
 */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: ServedSocket,
  lingering: LingeringClose,
): void {
  if (error.code === 'HPE_CLOSED_CONNECTION' || lingering.has(socket)) return
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  // If the proxy itself stopped reading in the middle of a request head, the client is not late. The proxy does
  // that while earlier requests of the connection wait. The head gets its full time once the proxy reads again.
  if (isLate && isHeld(socket, () => endLater(error, socket, lingering))) return
  // In `_httpMessage`, Node keeps the response that is being sent. Once
  // the head of that response was sent, no error response may follow.
  const { _httpMessage: response } = socket
  const answers = socket.writable && !response?.headersSent
  if (answers) socket.write(bareResponse(STATUS_BY_CODE[error.code ?? ''] ?? 400))
  // True if the client has closed its connection, maybe in the middle of a body. A late request head counts
  // too. Otherwise the client sent invalid bytes, and the response that is being sent gets an `error` event.
  const hasLeft = error.code === 'HPE_INVALID_EOF_STATE' || !error.code?.startsWith('HPE_')
  if (response && response.listenerCount('error') > 0 && !hasLeft)
    response.emit('error', new ProxyError('PROXY_BAD_REQUEST', error.message, { cause: error }))
  if (!answers || (hasLeft && !isLate)) {
    socket.destroy(error)
    return
  }
  if (response) loseSocket(response, socket)
  lingering.begin(socket)
}

/** Takes the socket away from a response and emits `close` on the response, as Node does when a connection closes. */
function loseSocket(response: ServerResponse, socket: ServedSocket): void {
  response.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
  response.destroy()
  response.emit('close')
}

/**
 * Starts `headersTimeout` anew for a request head that the proxy did not read for a while. Node reports a late head only
 * once, so this function sets its own timer. If the socket has a response when the timer fires, the head came in time.
 */
function endLater(error: Error, socket: ServedSocket, lingering: LingeringClose): void {
  const expire = () => {
    if (!socket._httpMessage) answerClientError(error, socket, lingering)
  }
  const timer = setTimeout(expire, socket.server?.headersTimeout).unref()
  socket.once('close', () => clearTimeout(timer))
}

/**
 * Answers a CONNECT request with 405 (Method Not Allowed), because a reverse proxy opens no tunnels (RFC
 * 9110, 9.3.6). Without a listener for `connect`, Node would close the connection without an answer.
 */
function refuseConnect(socket: Duplex, lingering: LingeringClose, methods: string): void {
  socket.on('error', () => socket.destroy())
  onceFree(socket, () => {
    socket.write(bareResponse(405, `Allow: ${methods}\r\n`))
    lingering.begin(socket)
  })
}

/**
 * Answers a request whose `Expect` header has an unknown value with 417 (RFC
 * 9110, 10.1.1). Node's own 417 would first read and drop the whole request body.
 */
export function refuseExpectation(
  req: IncomingMessage,
  res: ServerResponse,
  lingering: LingeringClose,
): void {
  const headers = ['Content-Length', '0']
  if (hasBody(req)) {
    headers.push('Connection', 'close')
    lingering.after(req.socket)
  }
  res.writeHead(417, headers).end()
}

/** Returns a complete HTTP response without a body as text. It is written to a socket that has no `ServerResponse`. */
function bareResponse(status: number, headers = ''): string {
  const date = new Date().toUTCString()
  const rest = `Date: ${date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}${rest}`
}
