import { ProxyError } from '../model/errors.js'
import type { LiveServer } from './backends/live-server.js'
import type { ClientConnection } from './client/client-side.js'
import type { Exchange } from './exchange.js'
import type { ConnectionWatch } from './exchange-owner.js'
import { peerOf } from './headers/client-address.js'
import { challengeOf, hasCredential } from './headers/connection-schemes.js'
import type { RawFields } from './headers/raw-fields.js'
import type { RequestBytes } from './upstream/request-bytes.js'
import type { ResponseHandler, ServerConnection } from './upstream/server-connection.js'
import type { Upstream } from './upstream/upstream.js'

/** Maximum number of server connections reserved for one client connection. When one more is reserved, the oldest one closes. */
const MAX_PAIRS = 16

/** A server connection that carries the requests of only one client connection, and the server on its other end. */
interface Pair {
  readonly connection: ServerConnection
  readonly upstream: Upstream
  /** Path of the server's URL. If two servers have the same host and port, only this path tells the two apart. */
  readonly basePath: string
}

/** The server connections that carry the requests of one client connection only. */
interface ClientPairs {
  /**
   * The server connections that are reserved for the client, keyed by the upstream that each one leads to. The oldest comes
   * first.
   */
  readonly pairs: Map<Upstream, Pair>
  /**
   * The server connection on which the client has begun to log in (an NTLM handshake, for example) and has not finished. If that
   * connection ends, the field still holds it, because the client continues the login that it began there.
   */
  handshake: ServerConnection | undefined
}

/**
 * After a client has logged in on a server connection (NTLM, Negotiate), keeps that connection for this client alone. The server
 * treats every request on it as one of the logged-in user. A request of another client would get that user's data.
 */
export class AuthenticatedConnections implements ConnectionWatch<Exchange> {
  readonly #mayAddCredentials: boolean
  readonly #clients = new WeakMap<ClientConnection, ClientPairs>()
  /** Number of client connections for which server connections are reserved. */
  #count = 0

  /**
   * Starts without any reserved server connection.
   *
   * @param mayAddCredentials whether the application has an `onRequest` hook, which may add credentials to requests
   */
  constructor(mayAddCredentials: boolean) {
    this.#mayAddCredentials = mayAddCredentials
  }

  /**
   * Returns the server that the client has already logged in to. A request of this client must go to that server, regardless of
   * the load-balancing strategy. Returns undefined if the strategy may choose a server.
   */
  serverFor({ client: { connection }, backend }: Exchange): LiveServer | undefined {
    if (this.#count === 0) return undefined
    const client = this.#clients.get(connection)
    if (!client || !backend) return undefined
    // Several reserved connections may lead to servers of this backend. Try the newest first: older ones were opened for other
    // frontends.
    for (const pair of [...client.pairs.values()].reverse()) {
      if (!pair.connection.isOpen) continue
      const there = backend.servers.filter(({ upstream }) => upstream === pair.upstream)
      const server = there.find(({ basePath }) => basePath === pair.basePath) ?? there[0]
      if (server) return server
    }
    return undefined
  }

  /**
   * Sends a request to the chosen server. If a connection to that server is reserved for the client connection, the request uses
   * it. Otherwise, a request with connection-bound credentials (NTLM, for example) opens a new connection that is reserved. Any
   * other request uses a shared connection.
   *
   * @throws ProxyError `PROXY_UPSTREAM_RESET` if the request continues a login handshake that began on another server connection
   */
  dispatch(exchange: Exchange, server: LiveServer, request: RequestBytes, handler: ResponseHandler): void {
    const { tries } = exchange
    tries.tie = undefined
    const mayHaveOne = this.#mayAddCredentials || exchange.client.headers.authorization !== undefined
    if (this.#count === 0 && !mayHaveOne)
      return server.upstream.dispatch(request, handler, tries.fresh, server.places)
    const client = this.#clients.get(exchange.client.connection)
    const pair = client && openPair(client, server.upstream)
    const authenticates = mayHaveOne && hasCredential(request.headers)
    if (!pair && !authenticates) return server.upstream.dispatch(request, handler, tries.fresh, server.places)
    tries.tie = pair && authenticates ? 'always' : 'once sent'
    if (authenticates && client?.handshake && client.handshake !== pair?.connection) {
      tries.tie = 'always'
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

  /**
   * Checks a response head for a login challenge (401 or 407 with NTLM, for example). If there is one, reserves the server
   * connection for this client, and notes an unfinished handshake.
   */
  answered(
    exchange: Exchange,
    server: LiveServer,
    connection: ServerConnection,
    status: number,
    fields: RawFields,
  ): void {
    const challenge = status === 401 || status === 407 ? challengeOf(fields) : undefined
    const to = exchange.client.connection
    const client = this.#clients.get(to)
    const isPaired = client?.pairs.get(server.upstream)?.connection === connection
    if (challenge && !isPaired) this.#assign(exchange, server, connection)
    const pairs = this.#clients.get(to)
    if (!pairs) return
    if (challenge === 'with a token') pairs.handshake = connection
    else if (pairs.handshake === connection) pairs.handshake = undefined
  }

  /**
   * Reserves a server connection for the client connection of this request, until one of the two closes. If many clients share
   * the client connection, the server connection closes after this request instead.
   */
  #assign(exchange: Exchange, { upstream, basePath }: LiveServer, connection: ServerConnection): void {
    const to = exchange.client.connection
    const client = this.#clients.get(to)
    const isTaken = client !== undefined && openPair(client, upstream) !== undefined
    if (isTaken || !to.isOpen || isShared(exchange)) return connection.endAfterUse()
    const { pairs } = client ?? this.#enter(to)
    const [oldest] = pairs.values()
    if (oldest && pairs.size >= MAX_PAIRS) void oldest.connection.close()
    pairs.set(upstream, { connection, upstream, basePath })
    const onEnd = () => {
      if (pairs.get(upstream)?.connection === connection) pairs.delete(upstream)
    }
    connection.makePrivate(onEnd, () => this.#clients.get(to)?.handshake === connection)
  }

  #enter(to: ClientConnection): ClientPairs {
    const client: ClientPairs = { pairs: new Map(), handshake: undefined }
    this.#clients.set(to, client)
    this.#count += 1
    to.onClose(() => {
      this.#count -= 1
      this.#clients.delete(to)
      for (const { connection } of [...client.pairs.values()]) connection.end()
    })
    return client
  }
}

/**
 * Returns whether a client connection carries the requests of many clients. This is true of the connection of a trusted proxy. It
 * is also true of a connection on a Unix socket, because only other proxies connect to one.
 */
function isShared({ client, facts }: Exchange): boolean {
  return facts?.trusted === true || peerOf(client) === ''
}

function openPair({ pairs }: ClientPairs, upstream: Upstream): Pair | undefined {
  const pair = pairs.get(upstream)
  return pair?.connection.isOpen ? pair : undefined
}
