import type { ProxyError } from '../model/errors.js'
import type { Limits } from '../model/limits.js'
import type { LiveServer } from './backends/live-server.js'
import type { Replacement } from './chain.js'
import type { RawFields } from './headers/raw-fields.js'
import type { ServerConnection } from './upstream/server-connection.js'

/**
 * The object to which an exchange (a request and its response) reports its failure and its end. It also holds the parts that the
 * exchange uses. The request pipeline implements this interface.
 */
export interface ExchangeOwner<Exchange> {
  /**
   * Called when a try failed before anything was sent to the client. The owner sends the request again, or answers with an
   * error.
   */
  retryOrRespond(exchange: Exchange, error: ProxyError): void
  /** Sends another response in place of that of a server, because a middleware asks for it. */
  readonly responses: { replace(exchange: Exchange, replacement: Replacement, status: number): void }
  /** Called once, when the exchange has ended, whether it succeeded or failed. */
  settle(exchange: Exchange): void
  /** The state of the shutdown. `endsWith` returns whether a response must close its client connection. */
  readonly closing: { endsWith(exchange: Exchange): boolean }
  /** The limits of the proxy that apply to one exchange. */
  readonly limits: Pick<Limits, 'lingerBytes'>
  /**
   * Gets the heads of responses that may authenticate a server connection (NTLM, for example). Keeps such a connection for one
   * client.
   */
  readonly authenticated: ConnectionWatch<Exchange>
}

/**
 * Gets the heads of responses that may authenticate a server connection (NTLM, for example). Such a connection must carry the
 * requests of only one client.
 */
export interface ConnectionWatch<Exchange> {
  /**
   * Called with the head of a response that may authenticate its server connection.
   *
   * @param fields the response's header fields, as the server sent them
   */
  answered(
    exchange: Exchange,
    server: LiveServer,
    connection: ServerConnection,
    status: number,
    fields: RawFields,
  ): void
}
