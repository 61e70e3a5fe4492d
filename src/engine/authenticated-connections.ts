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

/** Server connections that one client connection may have for itself. With one more, the oldest ends. */
const MAX_PAIRS = 16

/** A server connection that belongs to one client connection, and where it leads. */
interface Pair {
  readonly connection: ServerConnection
  readonly upstream: Upstream
  /** Of the server's URL: of two servers with one origin it tells which. */
  readonly basePath: string
}

/** The pairs of one client connection. */
interface ClientPairs {
  /** In the order of their making. */
  readonly pairs: Map<Upstream, Pair>
  /** On which a handshake has begun and not ended. It stays when that connection has ended: the client goes on with it. */
  handshake: ServerConnection | undefined
}

/**
 * Connections to servers that were authenticated, or are about to be. Such a server takes whatever comes on the connection for
 * that one user's: another client's request there would be answered as his.
 */
export class AuthenticatedConnections implements ConnectionWatch<Exchange> {
  readonly #mayAddCredentials: boolean
  readonly #clients = new WeakMap<Duplex, ClientPairs>()
  /** Client connections that have pairs. */
  #count = 0

  /** @param mayAddCredentials whether the host may add them to requests */
  constructor(mayAddCredentials: boolean) {
    this.#mayAddCredentials = mayAddCredentials
  }

  /** The server that a request must go to, whatever its backend's strategy says; none where that is free to choose. */
  serverFor({ req, backend }: Exchange): LiveServer | undefined {
    if (this.#count === 0) return undefined
    const client = this.#clients.get(req.socket)
    if (!client || !backend) return undefined
    // The newest first: an older one of the same backend is another frontend's.
    for (const pair of [...client.pairs.values()].reverse()) {
      if (!pair.connection.isOpen) continue
      const there = backend.servers.filter(({ upstream }) => upstream === pair.upstream)
      const server = there.find(({ basePath }) => basePath === pair.basePath) ?? there[0]
      if (server) return server
    }
    return undefined
  }

  /**
   * Sends a request to a server that was picked: on the client connection's own connection to it, if there is one or the request
   * authenticates it; else on any.
   *
   * @throws ProxyError `PROXY_UPSTREAM_RESET` if it goes on with a handshake that began on another connection
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
        'a handshake goes on that began on a connection that has ended, or another',
      )
    }
    const connection = pair ? pair.connection : server.upstream.openPrivate(server.places)
    if (!pair) this.#assign(exchange, server, connection)
    handler.isFresh = pair === undefined
    connection.dispatch(request, handler)
  }

  /** The head of a response came that may say how its connection stands. */
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

  /** Gives a connection to a client connection for as long as both last; where many clients share that, for this request alone. */
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
 * Whether a client connection carries the requests of many clients: a trusted proxy's, or one of a Unix socket, on which there are
 * no clients but proxies.
 */
function isShared({ req, facts }: Exchange): boolean {
  return facts?.trusted === true || peerOf(req) === ''
}

function openPair({ pairs }: ClientPairs, upstream: Upstream): Pair | undefined {
  const pair = pairs.get(upstream)
  return pair?.connection.isOpen ? pair : undefined
}
