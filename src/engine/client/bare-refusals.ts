import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../../model/errors.js'
import { ALLOWED_METHODS } from './error-response.js'
import type { LingeringClose } from './lingering-close.js'
import { onceFree } from './once-free.js'
import { isHeld } from './pipelines.js'
import { hasBody } from './request-body.js'

/** A socket that node:http serves, with the fields that Node adds to it. */
type ServedSocket = Duplex & {
  _httpMessage?: ServerResponse | null
  server?: Server
  destroySoon?: () => void
}

/** Statuses of Node's answers to bytes that its parser rejects, by error code. Every other code gets 400. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Answers requests that Node does not give to a request handler: bytes that its parser
 * rejects, heads that come too late, CONNECT, and unknown expectations. If the host already
 * listens for `clientError` or `checkExpectation`, its listener answers that event instead.
 *
 * @param methods the methods that the server allows, for the `Allow` field
 * @returns a function that removes these listeners
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
  // Node ends a connection by `destroySoon`, also after its own answers, such as the 400 for a request
  // without a Host. This replacement closes the connection in stages, so that the client can read the answer.
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
 * Answers bytes that Node's parser rejects, as Node does. Bytes after a request that ends its
 * connection are ignored (RFC 9112, 9.6). Node would write a 400 instead of the response under way.
 */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: ServedSocket,
  lingering: LingeringClose,
): void {
  if (error.code === 'HPE_CLOSED_CONNECTION' || lingering.has(socket)) return
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  // The proxy itself stopped reading in the middle of this head, because earlier
  // requests wait. The head gets its full time once the proxy reads again.
  if (isLate && isHeld(socket, () => endLater(error, socket, lingering))) return
  // Node keeps the response under way in `_httpMessage`. Once its head has left, nothing else may be written.
  const { _httpMessage: response } = socket
  const answers = socket.writable && !response?.headersSent
  if (answers) socket.write(bareResponse(STATUS_BY_CODE[error.code ?? ''] ?? 400))
  // `hasLeft` means that the client ended its connection, maybe in the middle of a body.
  // Otherwise the error tells the request under way that the client sent invalid bytes.
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

/** Tells a response that it has lost its connection, as Node does when a connection closes. */
function loseSocket(response: ServerResponse, socket: ServedSocket): void {
  response.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
  response.destroy()
  response.emit('close')
}

/**
 * Gives a head another `headersTimeout`, because the proxy did not read it for a while. Node
 * reports a late head only once. If a request is under way by then, its head came in time.
 */
function endLater(error: Error, socket: ServedSocket, lingering: LingeringClose): void {
  const expire = () => {
    if (!socket._httpMessage) answerClientError(error, socket, lingering)
  }
  const timer = setTimeout(expire, socket.server?.headersTimeout).unref()
  socket.once('close', () => clearTimeout(timer))
}

/**
 * Answers CONNECT with 405, because a reverse proxy opens no tunnels (RFC 9110,
 * 9.3.6). Without a listener, Node would close the connection without an answer.
 */
function refuseConnect(socket: Duplex, lingering: LingeringClose, methods: string): void {
  socket.on('error', () => socket.destroy())
  onceFree(socket, () => {
    socket.write(bareResponse(405, `Allow: ${methods}\r\n`))
    lingering.begin(socket)
  })
}

/** Answers an unknown expectation with 417 (RFC 9110, 10.1.1). Node's own 417 would read and drop the whole body first. */
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

/** Returns the text of a response without a body, for a socket that has no `ServerResponse`. */
function bareResponse(status: number, headers = ''): string {
  const date = new Date().toUTCString()
  const rest = `Date: ${date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}${rest}`
}
