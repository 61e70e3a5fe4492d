import type { LookupFunction } from 'node:net'
import type { Limits, Timeouts } from '../model/limits.js'
import type { ValidateOptions } from '../validation/document-checker.js'
import type { OnListenerError } from './events/listener-failures.js'
import type { EntryPointOptions } from './headers/peer-trust.js'
import type { UnderscoreHeaders } from './headers/proxy-fields.js'
import type { Hooks } from './hooks.js'
import type { UpstreamTls } from './upstream/upstream-tls.js'

/** When a request that failed is sent again. */
export interface RetryOptions {
  /** How often a request is sent at most, the first time included. Default 3; 1: never again. */
  readonly attempts?: number
  /**
   * Retries may add this share to the traffic of servers, from 0 to 1, and ten a second beside. Default 0.2. With every
   * server in trouble, retries without a limit would be the outage (Finagle's `RetryBudget`). A request that no server can
   * have had yet, for it could not be reached, adds nothing, and goes to the next one whatever the budget. So does an idempotent
   * one whose connection stood before and died without a byte of a response (RFC 9112, 9.3.1); it goes over a new connection.
   */
  readonly budget?: number
}

/** Options of the data plane; `createProxy` takes the same. */
export interface EngineOptions extends ValidateOptions, Hooks {
  /**
   * Addresses and ranges of the proxies in front, whose `X-Forwarded-*` headers are believed; `'unix'`: all who connect over
   * a Unix socket. Default: none.
   */
  readonly trustedProxies?: readonly string[]
  /** What differs between entry points, by their names. Default: nothing. */
  readonly entryPoints?: Readonly<Record<string, EntryPointOptions>>
  /** Whether servers get `Forwarded` (RFC 7239) beside `X-Forwarded-*`. Default false. */
  readonly forwardedHeader?: boolean
  /**
   * What becomes of a request's headers whose names servers may read as others: `X_Forwarded_For` is `X-Forwarded-For` to
   * whatever speaks CGI, WSGI or Rack (RFC 9110, 17.10). It concerns twins of fields that frame a message, that this proxy
   * writes, or that `onRequest` writes. `drop` leaves them out, `refuse` answers 400 `PROXY_BAD_REQUEST`, `keep` passes
   * them on, but never those of what the proxy writes itself or of a stranger's forwarding headers. Default `drop`.
   */
  readonly underscoreHeaders?: UnderscoreHeaders
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Partial<Limits>
  readonly retry?: RetryOptions
  /** For servers with `https` URLs. Default: verified by the authorities that Node trusts. */
  readonly upstreamTls?: UpstreamTls
  /**
   * Finds the addresses of servers' names, and answers by its callback; a promise is not awaited. If it fails, the request goes to
   * another server, or gets 502 `PROXY_CONNECT_FAILED`. Default: `lookup` of `node:dns`, which asks the system.
   */
  readonly lookup?: LookupFunction
  /**
   * Makes the values of sticky cookies HMACs (SHA-256), so that nobody can tell from them what backends and servers are called. The
   * same in every proxy, 16 bytes or more. Of a list the first makes new cookies, and all are honoured. To change it, restart every
   * proxy with `[old, new]`, then every one with `[new, old]`, and with `[new]` when clients' sessions are over. `undefined` is
   * refused: a variable that is not set would turn it off. Default: digests of the names.
   */
  readonly stickySecret?: string | readonly string[]
  /**
   * Protocols, beside `websocket`, to which a connection may be upgraded, by whatever method; `websocket` takes GET alone
   * (RFC 6455, 4.1). Default: none.
   */
  readonly upgradeProtocols?: readonly string[]
  /**
   * What happens to an error of a listener of events, or of `next`: `warn` tells of it by a warning of the process, ten a
   * minute for each; `throw` throws it on the next tick, as an uncaught exception. The others are called first. Default `warn`.
   */
  readonly onListenerError?: OnListenerError
}
