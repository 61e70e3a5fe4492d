import type { ProxyError } from '../model/errors.js'
import type { LiveServer } from './backends/live-server.js'
import type { LingeringClose } from './client/lingering-close.js'
import type { RawFields } from './headers/raw-fields.js'
import type { Hooks } from './hooks.js'
import type { ServerConnection } from './upstream/sent-request.js'

/** What an exchange reports to, and what it works with. The request pipeline implements it. */
export interface ExchangeOwner<Exchange> {
  /** Called when a try failed before anything was sent to the client. The owner tries again, or sends an error response. */
  retryOrRespond(exchange: Exchange, error: ProxyError): void
  /** Called once, when the exchange has ended, with success or without. */
  settle(exchange: Exchange): void
  /** Tells which responses end their client connections. */
  readonly closing: { readonly isUnderWay: boolean; endsWith(exchange: Exchange): boolean }
  /** Knows the client connections that are being closed in stages behind their responses. */
  readonly inFlight: { readonly lingering: LingeringClose }
  /** The host's `onResponse` hook. */
  readonly onResponse: Hooks['onResponse']
  /** Knows which server connections belong to one client connection, because they are authenticated. */
  readonly authenticated: ConnectionWatch<Exchange>
}

/** Observes responses that may show that their server connection is authenticated, and so belongs to one client. */
export interface ConnectionWatch<Exchange> {
  /** Called with the head of such a response. @param fields the response's fields, as the server sent them */
  answered(
    exchange: Exchange,
    server: LiveServer,
    connection: ServerConnection,
    status: number,
    fields: RawFields,
  ): void
}
