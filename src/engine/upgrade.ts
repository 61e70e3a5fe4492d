import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { hidesHeaders } from './check-request.js'
import { writeErrorResponse } from './client/error-response.js'
import type { RequestHandler, UpgradeHandler } from './client/handlers.js'
import type { LingeringClose } from './client/lingering-close.js'
import { onceFree } from './client/once-free.js'
import {
  asPlainRequests,
  eventOf,
  giveTo,
  hasUnknownExpectation,
  refuseExpectation,
} from './client/plain-requests.js'
import { hasBody } from './client/request-body.js'
import { afterOthers, isShared, isTaken } from './client/shared-upgrades.js'
import type { ListenerFailures } from './events/listener-failures.js'
import type { PendingUpgrade } from './exchange.js'
import { forwardResponseHeaders } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import { withoutLength } from './headers/response-head.js'
import { type Next, passUpgradeOn } from './pass-on.js'

/** The ways in which an upgrade request may be served. */
export interface UpgradeRoutes {
  /** Serves a request as if it asked for no upgrade. */
  readonly handler: RequestHandler
  /** Bytes that a request's head may have. */
  readonly headBytes: number
  /** Protocols that become tunnels, in lower case. */
  readonly allowed: ReadonlySet<string>
  /** Closes the connections of upgrade requests that are answered with a plain response. */
  readonly lingering: LingeringClose
  /** Takes all other requests. `pending` is the upgrade that may become a tunnel. It is absent for a plain request. */
  readonly begin: (req: IncomingMessage, res: ServerResponse, pending?: PendingUpgrade) => void
  /** Returns whether a frontend matches; undefined if that is unknown. */
  readonly claims: (req: IncomingMessage) => boolean | undefined
  /** Reports what `next` throws. */
  readonly failures: ListenerFailures
}

/**
 * Returns the handler of upgrade requests. It separates upgrades of frontends from those
 * of the host. It also separates tunnels from upgrades that are served as plain requests.
 */
export function upgradeHandler(routes: UpgradeRoutes): UpgradeHandler {
  const { claims, lingering } = routes
  const { take, plain } = takers(routes)
  const decide = (req: IncomingMessage, socket: Duplex, head: Buffer, next?: Next, shared?: boolean) => {
    const claim = next && claims(req)
    if (!next || claim || (claim === undefined && !shared)) return take(req, socket, head)
    const host = shared ? undefined : hostOfPlain(req, socket)
    if (host && !keepsItsBody(req)) return plain(req, socket, head)
    if (host) return giveTo(host, eventOf(req), req, responseOn(req, socket, lingering))
    passUpgradeOn(next, socket, routes.failures, (error) => {
      const res = responseOn(req, socket, lingering)
      writeErrorResponse({ req, res, owner: { inFlight: { lingering } } }, error, true)
    })
  }
  const inTurn = (
    req: IncomingMessage,
    socket: UpgradeSocket,
    head: Buffer,
    next?: Next,
    shared?: boolean,
  ) => {
    // The other listeners get the socket untouched. An answer of the proxy would stand in the middle of their bytes.
    if (shared && !next && !claims(req)) return
    if (!socket._httpMessage) return decide(req, socket, head, next, shared)
    const early = readWhileWaiting(socket, head)
    onceFree(socket, () => {
      const all = early()
      if (!next || claims(req)) return decide(req, socket, all, next, shared)
      // The host already has the `head` that Node gave it. Only the bytes that came later go back to the socket.
      if (all.length > head.length) socket.unshift(all.subarray(head.length))
      decide(req, socket, head, next, shared)
    })
  }
  return (req, socket, head, next) => {
    const shared = isShared(socket)
    if (shared && isTaken(socket)) return
    // This comes first. Without an `error` listener, a reset by the client would end the process.
    socket.on('error', () => socket.destroy())
    if (shared) afterOthers(socket, () => inTurn(req, socket, head, next, shared))
    else inTurn(req, socket, head, next)
  }
}

/** A socket that node:http has handed out. */
type UpgradeSocket = Duplex & { readonly _httpMessage?: ServerResponse | null; readonly server?: Server }

/**
 * Returns the two ways to serve an upgrade of a frontend. `plain` serves
 * it as if it asked for no upgrade. `take` decides, and tunnels if it can.
 */
function takers({ handler, headBytes, allowed, lingering, begin }: UpgradeRoutes) {
  const plain = asPlainRequests(handler, headBytes, lingering)
  const take = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const protocol = requestedProtocol(req, allowed)
    // Headers that Node hides would be lost in a replay. Such a request is not replayed, and is refused later.
    const replay = protocol === undefined && !keepsItsBody(req) && !hidesHeaders(req)
    if (replay) return plain(req, socket, head)
    if (protocol === undefined && hasUnknownExpectation(req))
      return refuseExpectation(req, responseOn(req, socket, lingering), lingering)
    const pending =
      protocol === undefined ? undefined : { protocol, socket, takeEarly: readEarly(socket, head) }
    begin(req, responseOn(req, socket, lingering), pending)
  }
  return { take, plain }
}

/**
 * Returns the host's server if the request is for its own routes. No server of Node speaks
 * HTTP/2 after an upgrade, but clients of Java and curl ask for it with every first request.
 */
function hostOfPlain(req: IncomingMessage, { server }: UpgradeSocket): Server | undefined {
  const isH2c = req.headers.upgrade?.toLowerCase() === 'h2c'
  return isH2c && !hidesHeaders(req) && server?.listenerCount('request') ? server : undefined
}

/**
 * Reads what comes after an upgrade request that waits for its turn. If
 * it were not read, the proxy would not notice that the client has left.
 *
 * @returns a function that stops the reading and returns the bytes
 */
function readWhileWaiting(socket: Duplex, head: Buffer): () => Buffer {
  const leave = () => void socket.destroy()
  socket.once('end', leave)
  const takeEarly = readEarly(socket, head)
  return () => {
    socket.off('end', leave)
    const early = takeEarly()
    // Restores the state in which Node hands out a socket. The next reader starts it by adding a listener.
    ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
    return early
  }
}

/** Returns the protocol that a request asks to switch to, if it is one that becomes a tunnel. */
function requestedProtocol(req: IncomingMessage, allowed: ReadonlySet<string>): string | undefined {
  // HTTP/1.0 has no upgrades (RFC 9110, 7.8).
  const token = req.httpVersion === '1.0' ? undefined : req.headers.upgrade?.toLowerCase()
  return token !== undefined && allowed.has(token) && !hasBody(req) ? token : undefined
}

/** From Node 26 on, Node reads the body of an upgrade request like any other. Before, the body follows on the socket. */
const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 26

/** Returns whether an upgrade request has its body. If not, Node has left the body on the socket. */
function keepsItsBody(req: IncomingMessage): boolean {
  return READS_BODIES || !req.complete || req.readableLength > 0
}

/** Maximum number of bytes that are read from a client before the server has answered its upgrade. */
const MAX_EARLY_BYTES = 64 * 1024

/**
 * Reads what a client sends before the server has answered. If it
 * were not read, the proxy would not notice that the client has left.
 *
 * @param head what Node has read already
 * @returns a function that returns all bytes and leaves the socket paused
 */
function readEarly(socket: Duplex, head: Buffer): () => Buffer {
  const pieces = [head]
  let size = head.length
  const onData = (chunk: Buffer) => {
    pieces.push(chunk)
    size += chunk.length
    if (size >= MAX_EARLY_BYTES) socket.pause()
  }
  socket.on('data', onData)
  return () => {
    socket.off('data', onData)
    socket.pause()
    return Buffer.concat(pieces)
  }
}

/**
 * Returns a response on the bare socket of an upgrade request, so that a
 * refusal is written like any other response. The connection ends with it.
 */
function responseOn(req: IncomingMessage, socket: Duplex, lingering: LingeringClose): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0])
  res.on('finish', () => {
    res.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
    process.nextTick(() => res.emit('close'))
    lingering.begin(socket)
  })
  // node:http does this only for sockets that it has not handed out.
  socket.on('drain', () => res.emit('drain'))
  socket.on('end', () => {
    if (res.socket) socket.destroy()
  })
  return res
}

/**
 * Returns the head of the response that switches protocols, with the
 * server's fields. It must not have a `Content-Length` (RFC 9110, 8.6).
 */
export function switchingHead(protocol: string, fields: RawFields, cookie?: string): string {
  const headers = withoutLength(forwardResponseHeaders(fields))
  if (cookie !== undefined) headers.push('Set-Cookie', cookie)
  let head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2)
    head += `${headers[index]}: ${headers[index + 1]}\r\n`
  return `${head}\r\n`
}

/**
 * Joins two sockets until both have ended. Bytes flow both ways with back-pressure.
 * An end on one side ends the other side, and an error on one side cuts both.
 */
export function tunnel(client: Duplex, server: Duplex, onClosed: () => void): void {
  let open = 2
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    socket.on('error', () => other.destroy())
    socket.on('close', () => {
      // The socket closed before all its bytes were read or written, so it was cut. The other side is of no use then.
      if (!socket.readableEnded || !socket.writableFinished) other.destroy()
      // Both directions of the socket had ended, maybe at once by TLS. What
      // the other side still sends is not read, so its end would not be seen.
      else if (!other.readableEnded) destroyOnceWritten(other)
      open -= 1
      if (open === 0) onClosed()
    })
    socket.pipe(other)
  }
}

/** Destroys a socket once everything was written to it. */
function destroyOnceWritten(socket: Duplex): void {
  if (socket.writableFinished) socket.destroy()
  else socket.once('finish', () => socket.destroy())
}
