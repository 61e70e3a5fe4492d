import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ListenerFailures } from '../../events/listener-failures.js'
import { writeErrorResponse } from '../error-response.js'
import { hasBody } from '../request-body.js'
import { hidesHeaders } from './check-parsed.js'
import type { RequestHandler, UpgradeHandler } from './handlers.js'
import { Http1Client } from './http1-client.js'
import type { LingeringClose } from './lingering-close.js'
import { onceFree } from './once-free.js'
import { type Next, passUpgradeOn } from './pass-on.js'
import type { PendingUpgrade } from './pending-upgrade.js'
import {
  asPlainRequests,
  eventOf,
  giveTo,
  hasUnknownExpectation,
  refuseExpectation,
} from './plain-requests.js'
import { afterOthers, isShared, isTaken } from './shared-upgrades.js'

/** The functions and settings with which the proxy serves upgrade requests. */
export interface UpgradeRoutes {
  /** Serves an upgrade request as a plain request, as if it had no `Upgrade` header. */
  readonly handler: RequestHandler
  /** Maximum number of bytes in the head of a request. */
  readonly headBytes: number
  /** The protocols of upgrade requests that become tunnels, such as `websocket`, in lower case. */
  readonly allowed: ReadonlySet<string>
  /** Closes the connection of an upgrade request after a plain response, in stages, so that the client can read the response. */
  readonly lingering: LingeringClose
  /** Passes a request to the request pipeline. `pending` is given if the connection may become a tunnel. */
  readonly begin: (req: IncomingMessage, res: ServerResponse, pending?: PendingUpgrade) => void
  /** Returns whether a frontend matches an upgrade request; undefined if that is unknown. */
  readonly claims: (req: IncomingMessage) => boolean | undefined
  /** Reports an error that the application's `next` throws. */
  readonly failures: ListenerFailures
}

/**
 * Returns the listener for upgrade requests. If a frontend matches, the proxy serves the request as a tunnel or as a plain
 * request. If no frontend matches, the application's own routes get the request, if the application has any.
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
      writeErrorResponse({ client: new Http1Client(req, res, lingering), bodyBytes: 0 }, error, true)
    })
  }
  const inTurn = (
    req: IncomingMessage,
    socket: UpgradeSocket,
    head: Buffer,
    next?: Next,
    shared?: boolean,
  ) => {
    // If no frontend matches, leave the socket to the other `upgrade` listeners. A response of the proxy would mix with their
    // bytes.
    if (shared && !next && !claims(req)) return
    if (!socket._httpMessage) return decide(req, socket, head, next, shared)
    const early = readWhileWaiting(socket, head)
    onceFree(socket, () => {
      const all = early()
      if (!next || claims(req)) return decide(req, socket, all, next, shared)
      // The application's listener already has the bytes in `head`. Put only the bytes that came after `head` back into the
      // socket.
      if (all.length > head.length) socket.unshift(all.subarray(head.length))
      decide(req, socket, head, next, shared)
    })
  }
  return (req, socket, head, next) => {
    const shared = isShared(socket)
    if (shared && isTaken(socket)) return
    // Add the `error` listener first. Without it, a connection reset by the client would end the process.
    socket.on('error', () => socket.destroy())
    if (shared) afterOthers(socket, () => inTurn(req, socket, head, next, shared))
    else inTurn(req, socket, head, next)
  }
}

/** The socket of an upgrade request, which Node no longer parses, with the private fields that Node adds to it. */
type UpgradeSocket = Duplex & { readonly _httpMessage?: ServerResponse | null; readonly server?: Server }

/**
 * Returns two functions that serve an upgrade request which a frontend matches. `plain` serves it as a plain request. `take`
 * makes it a tunnel if its protocol allows that. If not, `take` serves it as a plain request or refuses it.
 */
function takers({ handler, headBytes, allowed, lingering, begin }: UpgradeRoutes) {
  const plain = asPlainRequests(handler, headBytes, lingering)
  const take = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const protocol = requestedProtocol(req, allowed)
    // If the request cannot become a tunnel and its body is still on the socket, Node parses it again as a plain request. A
    // request whose headers Node has partly dropped is not parsed again. The pipeline refuses it later.
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
 * Returns the application's `http.Server` if its own routes can answer the request, because the client asks to upgrade to HTTP/2
 * (`h2c`). No server in Node does that upgrade, but Java clients and curl ask for it with their first request.
 */
function hostOfPlain(req: IncomingMessage, { server }: UpgradeSocket): Server | undefined {
  const isH2c = req.headers.upgrade?.toLowerCase() === 'h2c'
  return isH2c && !hidesHeaders(req) && server?.listenerCount('request') ? server : undefined
}

/**
 * Reads what the client sends while its upgrade request waits for earlier requests on the connection. Without reading, the proxy
 * would not notice that the client has disconnected.
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
    // Restore the state in which Node hands out a socket: neither paused nor flowing. The next reader starts it by adding a
    // listener.
    ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
    return early
  }
}

/** Returns the protocol that an upgrade request asks for, if such requests may become tunnels. Otherwise returns undefined. */
function requestedProtocol(req: IncomingMessage, allowed: ReadonlySet<string>): string | undefined {
  // Ignore the `Upgrade` header of an HTTP/1.0 request (RFC 9110, 7.8).
  const token = req.httpVersion === '1.0' ? undefined : req.headers.upgrade?.toLowerCase()
  return token !== undefined && allowed.has(token) && !hasBody(req) ? token : undefined
}

/** Whether Node itself reads the body of an upgrade request, as from version 26 on. Before, the body stays on the socket. */
const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 26

/** Returns whether the body of an upgrade request can be read from the request. If not, Node has left the body on the socket. */
function keepsItsBody(req: IncomingMessage): boolean {
  return READS_BODIES || !req.complete || req.readableLength > 0
}

/** Maximum number of bytes that are read from a client while the server has not yet answered its upgrade request. */
const MAX_EARLY_BYTES = 64 * 1024

/**
 * Reads what a client sends before the server has answered its upgrade request. Without reading, the proxy would not notice that
 * the client has disconnected.
 *
 * @param head bytes that Node has read already
 * @returns a function that pauses the socket and returns all bytes
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
 * Creates a response for an upgrade request, because Node gives `upgrade` listeners only the socket. So an error is written like
 * any other response. The connection closes after the response.
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
  // Pass on 'drain' and 'end' of the socket. Node does this only for ordinary requests, not for upgrade requests.
  socket.on('drain', () => res.emit('drain'))
  socket.on('end', () => {
    if (res.socket) socket.destroy()
  })
  return res
}
