import type { LookupFunction } from 'node:net'
import type { Limits, Timeouts } from '../model/limits.js'
import type { DocumentOptions } from '../validation/document-filter.js'
import type { OnListenerError } from './events/listener-failures.js'
import type { EngineEntryPoint } from './headers/peer-trust.js'
import type { UnderscoreHeaders } from './headers/proxy-fields.js'
import type { Hooks } from './hooks.js'
import type { UpstreamTls } from './upstream/upstream-tls.js'

/**
 * Options for retries: how many times a failed request is sent again, and how much traffic retries may add.
 *
 * @example
 * ```ts
 * const proxy = createProxy({ config, retry: { attempts: 2, budget: 0.1 } })
 * ```
 */
export interface RetryOptions {
  /**
   * Maximum number of times that a request is sent, the first time included: a whole number of 1 or more. With 1, no request is
   * sent again.
   *
   * @default 3
   */
  readonly attempts?: number
  /**
   * Retry budget of each backend: how much traffic retries may add, as a share from 0 to 1 of the backend's requests. Ten retries
   * a second are always allowed in addition. If all servers fail, unlimited retries would make the outage worse (Finagle's
   * `RetryBudget`).
   *
   * Two kinds of retry do not use up the budget. In the first, no connection to the server could be made, so no server can have
   * received the request. In the second, an existing connection broke before a byte of the response came, and the method is
   * idempotent (RFC 9112, 9.3.1). Each request gets only one retry of the second kind, over a new connection.
   *
   * @default 0.2
   */
  readonly budget?: number
}

/**
 * Options of `ProxyEngine`, the part of the proxy that serves requests. `createProxy` accepts them too.
 *
 * @example
 * ```ts
 * const engine = new ProxyEngine({ trustedProxies: ['10.0.0.0/8'], retry: { attempts: 1 } })
 * ```
 */
export interface EngineOptions extends DocumentOptions, Hooks {
  /**
   * Addresses and CIDR ranges of trusted proxies in front of this one. Only their `X-Forwarded-*` headers are believed. `'unix'`
   * trusts every connection on a Unix socket.
   *
   * @default [] (no peer is trusted)
   * @example ['10.0.0.0/8', '2001:db8::/32', 'unix']
   */
  readonly trustedProxies?: readonly string[]
  /**
   * Options that apply to single entry points, keyed by the name of the entry point. There they replace the option of the same
   * name of the whole proxy.
   *
   * @default {}
   * @example { internal: { trustedProxies: ['10.0.0.0/8'] }, public: { trustedProxies: [] } }
   */
  readonly entryPoints?: Readonly<Record<string, EngineEntryPoint>>
  /**
   * Whether servers get a `Forwarded` header (RFC 7239) in addition to `X-Forwarded-*`.
   *
   * @default false
   */
  readonly forwardedHeader?: boolean
  /**
   * What happens to a request header with a look-alike name (a twin), which servers may read as another header. For example, CGI,
   * WSGI and Rack servers read `X_Forwarded_For` as `X-Forwarded-For` (RFC 9110, 17.10). The option applies to twins of three
   * groups of headers: those that frame a message, those that this proxy writes, and those that `onRequest` writes.
   *
   * - `drop`: the proxy removes twins from the request.
   * - `refuse`: the proxy answers 400 `PROXY_BAD_REQUEST`.
   * - `keep`: the proxy forwards twins, with two exceptions. It removes twins of headers that it writes itself. It also removes
   *   twins of forwarding headers, such as `Forwarded`, whose sender is not trusted.
   *
   * @default 'drop'
   */
  readonly underscoreHeaders?: UnderscoreHeaders
  /**
   * Time limits: milliseconds above 0, or `Infinity` for no limit. A limit that is not given has its default. docs/limits.md says
   * what happens when each limit is exceeded.
   *
   * @default the default of each member of {@link Timeouts}
   * @example { connectMs: 2_000, responseHeadMs: 30_000, requestMs: 120_000 }
   */
  readonly timeouts?: Partial<Timeouts>
  /**
   * Limits of size and number: bytes, connections or requests, or milliseconds if the name ends in `Ms`. `Infinity` means no
   * limit. A limit that is not given has its default. docs/limits.md says what happens when each limit is exceeded.
   *
   * @default the default of each member of {@link Limits}
   * @example { bodyBytes: 10 * 1024 * 1024, requestsInFlight: 5_000, connectionsPerAddress: 100 }
   */
  readonly limits?: Partial<Limits>
  /**
   * How many times a failed request is sent again, and how much traffic retries may add.
   *
   * @default { attempts: 3, budget: 0.2 }
   * @example { attempts: 1 }
   */
  readonly retry?: RetryOptions
  /**
   * TLS options for servers with `https` URLs: certificate authorities and a client certificate, in PEM format.
   *
   * @default {} (certificates are checked against the authorities that Node trusts, and no client certificate is sent)
   * @example { ca: readFileSync('/etc/ssl/internal-ca.pem') }
   */
  readonly upstreamTls?: UpstreamTls
  /**
   * Function that resolves the host names of servers, for example from a cache. The proxy calls it like `dns.lookup`, with
   * `all: true`. The function must call its callback; a promise is not awaited. If the lookup fails, the request goes to another
   * server. If there is no other server, the client gets 502 `PROXY_CONNECT_FAILED`.
   *
   * @default `lookup` of `node:dns`, which asks the operating system
   * @example
   * ```ts
   * const lookup: LookupFunction = (name, options, callback) => dns.lookup(name, { ...options, family: 4 }, callback)
   * ```
   */
  readonly lookup?: LookupFunction
  /**
   * Secret key for sticky cookies: the value of such a cookie becomes an HMAC (SHA-256) of the names of backend and server.
   * Without a secret, a client can guess the names and check its guess. The secret has at least 16 bytes, and is the same in
   * every proxy.
   *
   * If a list is given, the first secret makes new cookies, and cookies of every secret are accepted. To change the secret,
   * restart every proxy with `[old, new]`, then every proxy with `[new, old]`. Restart them with `[new]` when the sessions of
   * clients are over. The value `undefined` is refused, because an unset environment variable would silently turn the secret off.
   *
   * @default none (the values are digests of the names)
   * @example [newSecret, oldSecret]
   */
  readonly stickySecret?: string | readonly string[]
  /**
   * Protocols other than `websocket` to which clients may upgrade a connection. Letter case does not matter. A client may ask for
   * these protocols by any method, while an upgrade to `websocket` must be a GET (RFC 6455, 4.1).
   *
   * @default []
   * @example ['SPDY/3.1']
   */
  readonly upgradeProtocols?: readonly string[]
  /**
   * What happens to an error that an event listener or `next` of the application throws. `warn` emits a Node process warning, at
   * most ten in a minute for each listener. `throw` throws the error on the next tick as an uncaught exception, after the other
   * listeners were called.
   *
   * @default 'warn'
   */
  readonly onListenerError?: OnListenerError
}
