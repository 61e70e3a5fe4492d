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

/** What an upgrade request becomes. */
export interface UpgradeRoutes {
  /** For requests that are served as if they asked for no upgrade. */
  readonly handler: RequestHandler
  readonly headBytes: number
  /** Protocols that are tunnelled, in small letters. */
  readonly allowed: ReadonlySet<string>
  /** Takes the connections of those that are answered. */
  readonly lingering: LingeringClose
  /** Takes all others; `pending` is what is to be tunnelled, if anything. */
  readonly begin: (req: IncomingMessage, res: ServerResponse, pending?: PendingUpgrade) => void
  /** Whether a frontend matches; undefined if that cannot be told. */
  readonly claims: (req: IncomingMessage) => boolean | undefined
  readonly failures: ListenerFailures
}

/** Tells upgrades of frontends from the host's, and those that are tunnelled from those that are plain requests too. */
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
    // Left to the other listeners, untouched: an answer would stand in the middle of what they say.
    if (shared && !next && !claims(req)) return
    if (!socket._httpMessage) return decide(req, socket, head, next, shared)
    const early = readWhileWaiting(socket, head)
    onceFree(socket, () => {
      const all = early()
      if (!next || claims(req)) return decide(req, socket, all, next, shared)
      // The host has the head that Node gave it: what came since goes back.
      if (all.length > head.length) socket.unshift(all.subarray(head.length))
      decide(req, socket, head, next, shared)
    })
  }
  return (req, socket, head, next) => {
    const shared = isShared(socket)
    if (shared && isTaken(socket)) return
    // Before anything else: a client that resets now must find a listener, or it ends the process.
    socket.on('error', () => socket.destroy())
    if (shared) afterOthers(socket, () => inTurn(req, socket, head, next, shared))
    else inTurn(req, socket, head, next)
  }
}

/** A socket that node:http has given out. */
type UpgradeSocket = Duplex & { readonly _httpMessage?: ServerResponse | null; readonly server?: Server }

/** Ways to serve an upgrade that is a frontend's: `plain` serves it as if it asked for no upgrade. */
function takers({ handler, headBytes, allowed, lingering, begin }: UpgradeRoutes) {
  const plain = asPlainRequests(handler, headBytes, lingering)
  const take = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const protocol = requestedProtocol(req, allowed)
    // What is hidden would not be replayed: such a request goes on to be refused.
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
 * The server whose own routes a request is for, if it is one: no server of Node's speaks HTTP/2 behind an upgrade, and clients of
 * Java and curl ask for it with every first request.
 */
function hostOfPlain(req: IncomingMessage, { server }: UpgradeSocket): Server | undefined {
  const isH2c = req.headers.upgrade?.toLowerCase() === 'h2c'
  return isH2c && !hidesHeaders(req) && server?.listenerCount('request') ? server : undefined
}

/** Reads what stands behind an upgrade that waits for its turn: unread, nobody would see that the client has left. */
function readWhileWaiting(socket: Duplex, head: Buffer): () => Buffer {
  const leave = () => void socket.destroy()
  socket.once('end', leave)
  const takeEarly = readEarly(socket, head)
  return () => {
    socket.off('end', leave)
    const early = takeEarly()
    // As Node gives it out: the next reader starts it by listening.
    ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
    return early
  }
}

/** The protocol that a request asks to switch to, if it is one that is tunnelled. */
function requestedProtocol(req: IncomingMessage, allowed: ReadonlySet<string>): string | undefined {
  // HTTP/1.0 has no upgrades (RFC 9110, 7.8).
  const token = req.httpVersion === '1.0' ? undefined : req.headers.upgrade?.toLowerCase()
  return token !== undefined && allowed.has(token) && !hasBody(req) ? token : undefined
}

/** From Node 26 an upgrade request is read to its end like any other; before, its body is what follows on the socket. */
const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 26

/** Whether an upgrade request comes with its body, or Node has left that on the socket. */
function keepsItsBody(req: IncomingMessage): boolean {
  return READS_BODIES || !req.complete || req.readableLength > 0
}

/** What a client may say before the server has answered, and is read at once. */
const MAX_EARLY_BYTES = 64 * 1024

/**
 * Reads what a client says before the server has answered: while it lay unread, nobody would see that the client has
 * left behind it.
 *
 * @param head what node has read already
 * @returns gives all of it, and leaves the socket paused
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
 * A response on the bare socket of an upgrade request, so that a refusal takes the same way as any other response.
 * The connection ends with it.
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
  // What node:http does for the sockets that it has not given away.
  socket.on('drain', () => res.emit('drain'))
  socket.on('end', () => {
    if (res.socket) socket.destroy()
  })
  return res
}

/** The head of the response that switches protocols, as the server sent it. It must name no length (RFC 9110, 8.6). */
export function switchingHead(protocol: string, fields: RawFields, cookie?: string): string {
  const headers = withoutLength(forwardResponseHeaders(fields))
  if (cookie !== undefined) headers.push('Set-Cookie', cookie)
  let head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2)
    head += `${headers[index]}: ${headers[index + 1]}\r\n`
  return `${head}\r\n`
}

/**
 * Joins two sockets until both have ended: bytes both ways with back-pressure, an end on one side ends the other, a
 * fault on one side cuts both.
 */
export function tunnel(client: Duplex, server: Duplex, onClosed: () => void): void {
  let open = 2
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    socket.on('error', () => other.destroy())
    socket.on('close', () => {
      // One that closed before it said all, or before it was told all, was cut: nobody needs the other half.
      if (!socket.readableEnded || !socket.writableFinished) other.destroy()
      // Both had ended, be it by TLS: what the other still says is read by nobody, and its end would never be seen.
      else if (!other.readableEnded) endOnceTold(other)
      open -= 1
      if (open === 0) onClosed()
    })
    socket.pipe(other)
  }
}

/** Ends a side as soon as it was told all. */
function endOnceTold(socket: Duplex): void {
  if (socket.writableFinished) socket.destroy()
  else socket.once('finish', () => socket.destroy())
}
