import type { Duplex } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { LiveServer } from './backends/live-server.js'
import type { Exchange } from './exchange.js'
import type { ConnectionWatch } from './exchange-owner.js'
import { peerOf } from './headers/client-address.js'
import { challengeOf, hasCredential } from './headers/connection-schemes.js'
import type { RawFields } from './headers/raw-fields.js'
import type { RequestBytes, ResponseHandler, ServerConnection } from './upstream/sent-request.js'
import type { Upstream } from './upstream/upstream.js'

/** Maximum number of server connections that one client connection may own. One more ends the oldest. */
const MAX_PAIRS = 16

/** A server connection that belongs to one client connection, and the server that it leads to. */
interface Pair {
  readonly connection: ServerConnection
  readonly upstream: Upstream
  /** Base path of the server's URL. It tells two servers with the same origin apart. */
  readonly basePath: string
}

/** The server connections that belong to one client connection. */
interface ClientPairs {
  /** One pair for each upstream, in the order in which they were made. */
  readonly pairs: Map<Upstream, Pair>
  /**
   * The server connection on which a handshake has begun and not ended. The field stays
   * after that connection has ended, because the client goes on with the handshake.
   */
  handshake: ServerConnection | undefined
}

/**
 * Connections to servers that were authenticated, or are about to be. A server treats every request on
 * such a connection as one of that user. Another client's request there would get that user's answer.
 */
export class AuthenticatedConnections implements ConnectionWatch<Exchange> {
  readonly #mayAddCredentials: boolean
  readonly #clients = new WeakMap<Duplex, ClientPairs>()
  /** Number of client connections that own server connections. */
  #count = 0

  /** @param mayAddCredentials whether the host may add credentials to requests */
  constructor(mayAddCredentials: boolean) {
    this.#mayAddCredentials = mayAddCredentials
  }

  /**
   * Returns the server that a request must go to, regardless of its
   * backend's strategy. Returns undefined if the strategy may choose.
   */
  serverFor({ req, backend }: Exchange): LiveServer | undefined {
    if (this.#count === 0) return undefined
    const client = this.#clients.get(req.socket)
    if (!client || !backend) return undefined
    // The newest pair counts first. An older pair of the same backend belongs to another frontend.
    for (const pair of [...client.pairs.values()].reverse()) {
      if (!pair.connection.isOpen) continue
      const there = backend.servers.filter(({ upstream }) => upstream === pair.upstream)
      const server = there.find(({ basePath }) => basePath === pair.basePath) ?? there[0]
      if (server) return server
    }
    return undefined
  }

  /**
   * Sends a request to the server that was picked. If the client connection owns a connection
   * to that server, the request goes there. Otherwise, a request that authenticates its
   * connection gets a new one to own. Any other request takes a shared connection.
   *
   * @throws ProxyError `PROXY_UPSTREAM_RESET` if the request goes on with a handshake that began on another connection
   */
  dispatch(exchange: Exchange, server: LiveServer, request: RequestBytes, handler: ResponseHandler): void {
    exchange.tie = undefined
    const mayHaveOne = this.#mayAddCredentials || exchange.req.headers.authorization !== undefined
    if (this.#count === 0 && !mayHaveOne)
      return server.upstream.dispatch(request, handler, exchange.fresh, server.places)
    const client = this.#clients.get(exchange.req.socket)
    const pair = client && openPair(client, server.upstream)
    const authenticates = mayHaveOne && hasCredential(request.headers)
    if (!pair && !authenticates)
      return server.upstream.dispatch(request, handler, exchange.fresh, server.places)
    exchange.tie = pair && authenticates ? 'always' : 'once sent'
    if (authenticates && client?.handshake && client.handshake !== pair?.connection) {
      exchange.tie = 'always'
      throw new ProxyError(
        'PROXY_UPSTREAM_RESET',
        'the request goes on with a handshake that began on another server connection, or on one that has ended',
      )
    }
    const connection = pair ? pair.connection : server.upstream.openPrivate(server.places)
    if (!pair) this.#assign(exchange, server, connection)
    handler.isFresh = pair === undefined
    connection.dispatch(request, handler)
  }

  /** Reads from the head of a response whether its connection is being authenticated. */
  answered(
    exchange: Exchange,
    server: LiveServer,
    connection: ServerConnection,
    status: number,
    fields: RawFields,
  ): void {
    const challenge = status === 401 || status === 407 ? challengeOf(fields) : undefined
    const { socket } = exchange.req
    const client = this.#clients.get(socket)
    const isPaired = client?.pairs.get(server.upstream)?.connection === connection
    if (challenge && !isPaired) this.#assign(exchange, server, connection)
    const pairs = this.#clients.get(socket)
    if (!pairs) return
    if (challenge === 'with a token') pairs.handshake = connection
    else if (pairs.handshake === connection) pairs.handshake = undefined
  }

  /**
   * Gives a server connection to a client connection for as long as both last. If many
   * clients share the client connection, the server connection ends after this request.
   */
  #assign(exchange: Exchange, { upstream, basePath }: LiveServer, connection: ServerConnection): void {
    const { socket } = exchange.req
    const client = this.#clients.get(socket)
    const isTaken = client !== undefined && openPair(client, upstream) !== undefined
    if (isTaken || socket.destroyed || isShared(exchange)) return connection.endAfterUse()
    const { pairs } = client ?? this.#enter(socket)
    const [oldest] = pairs.values()
    if (oldest && pairs.size >= MAX_PAIRS) void oldest.connection.close()
    pairs.set(upstream, { connection, upstream, basePath })
    const onEnd = () => {
      if (pairs.get(upstream)?.connection === connection) pairs.delete(upstream)
    }
    connection.makePrivate(onEnd, () => this.#clients.get(socket)?.handshake === connection)
  }

  #enter(socket: Duplex): ClientPairs {
    const client: ClientPairs = { pairs: new Map(), handshake: undefined }
    this.#clients.set(socket, client)
    this.#count += 1
    socket.once('close', () => {
      this.#count -= 1
      this.#clients.delete(socket)
      for (const { connection } of [...client.pairs.values()]) connection.end()
    })
    return client
  }
}

/**
 * Returns whether a client connection carries the requests of many clients. The connection
 * of a trusted proxy does, and so does one on a Unix socket, where only proxies connect.
 */
function isShared({ req, facts }: Exchange): boolean {
  return facts?.trusted === true || peerOf(req) === ''
}

function openPair({ pairs }: ClientPairs, upstream: Upstream): Pair | undefined {
  const pair = pairs.get(upstream)
  return pair?.connection.isOpen ? pair : undefined
}
