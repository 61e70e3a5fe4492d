import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../../model/errors.js'
import { ALLOWED_METHODS } from './error-response.js'
import type { LingeringClose } from './lingering-close.js'
import { onceFree } from './once-free.js'
import { isHeld } from './pipelines.js'
import { hasBody } from './request-body.js'

/** What node:http adds to a socket that it serves. */
type ServedSocket = Duplex & {
  _httpMessage?: ServerResponse | null
  server?: Server
  destroySoon?: () => void
}

/** What Node answers to bytes that it cannot read, where that is not 400. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Answers what is no request for a handler: bytes that Node cannot read, heads that come too late, CONNECT, and expectations that
 * nobody meets. What the host answers by listeners of its own is left to them.
 *
 * @param methods those that are served there
 * @returns takes the answers off the server again
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
  // Of Node's own answers too, as that to a request without a Host.
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
 * Does what Node does with bytes that it cannot read, but for those behind a request that ends its connection: they are
 * ignored (RFC 9112, 9.6). Node would put a 400 in the place of the response under way.
 */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: ServedSocket,
  lingering: LingeringClose,
): void {
  if (error.code === 'HPE_CLOSED_CONNECTION' || lingering.has(socket)) return
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  // Its first half came with the requests that wait; the rest has its time once it can be read.
  if (isLate && isHeld(socket, () => endLater(error, socket, lingering))) return
  // Node's own: the response under way, in whose middle nothing must be written.
  const { _httpMessage: response } = socket
  const answers = socket.writable && !response?.headersSent
  if (answers) socket.write(bareResponse(STATUS_OF[error.code ?? ''] ?? 400))
  // So that the request under way knows that its client has not left by itself, as one has whose body ends too early.
  const hasLeft = error.code === 'HPE_INVALID_EOF_STATE' || !error.code?.startsWith('HPE_')
  if (response && response.listenerCount('error') > 0 && !hasLeft)
    response.emit('error', new ProxyError('PROXY_BAD_REQUEST', error.message, { cause: error }))
  if (!answers || (hasLeft && !isLate)) {
    socket.destroy(error)
    return
  }
  if (response) leave(response, socket)
  lingering.begin(socket)
}

/** Tells a response that its connection is lost to it, as Node tells it when the connection has closed. */
function leave(response: ServerResponse, socket: ServedSocket): void {
  response.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
  response.destroy()
  response.emit('close')
}

/** Node looks at the time of a head but once. A client that has said more by then is not late. */
function endLater(error: Error, socket: ServedSocket, lingering: LingeringClose): void {
  const expire = () => {
    if (!socket._httpMessage) answerClientError(error, socket, lingering)
  }
  const timer = setTimeout(expire, socket.server?.headersTimeout).unref()
  socket.once('close', () => clearTimeout(timer))
}

/** A reverse proxy is no way to anywhere else (RFC 9110, 9.3.6). Without a word, node would cut the connection. */
function refuseConnect(socket: Duplex, lingering: LingeringClose, methods: string): void {
  socket.on('error', () => socket.destroy())
  onceFree(socket, () => {
    socket.write(bareResponse(405, `Allow: ${methods}\r\n`))
    lingering.begin(socket)
  })
}

/** Node's own 417 would read all of the body for nothing (RFC 9110, 10.1.1). */
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

/** A response where there is no `ServerResponse` to write it. */
function bareResponse(status: number, headers = ''): string {
  const date = new Date().toUTCString()
  const rest = `Date: ${date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}${rest}`
}
