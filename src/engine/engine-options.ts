import type { LookupFunction } from 'node:net'
import type { Limits, Timeouts } from '../model/limits.js'
import type { ValidateOptions } from '../validation/validate-options.js'
import type { OnListenerError } from './events/listener-failures.js'
import type { EntryPointOptions } from './headers/peer-trust.js'
import type { UnderscoreHeaders } from './headers/proxy-fields.js'
import type { Hooks } from './hooks.js'
import type { UpstreamTls } from './upstream/upstream-tls.js'

/**
 * Says how often a failed request is sent again.
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
   * Retry budget of each backend: the share that retries may add to its traffic, from 0 to 1. Ten retries a second are allowed
   * on top. If all servers fail, retries without a limit would make the outage worse (Finagle's `RetryBudget`).
   *
   * Two kinds of retry cost nothing of the budget. In the first, the connection to a server failed, so no server can have had
   * the request. In the second, an open connection broke without a byte of a response, and the method is idempotent (RFC 9112,
   * 9.3.1). The second kind is free once for a request, and the request goes over a new connection.
   *
   * @default 0.2
   */
  readonly budget?: number
}

/**
 * Options of the engine, which serves the requests. `createProxy` takes them too.
 *
 * @example
 * ```ts
 * const engine = new ProxyEngine({ trustedProxies: ['10.0.0.0/8'], retry: { attempts: 1 } })
 * ```
 */
export interface EngineOptions extends ValidateOptions, Hooks {
  /**
   * Addresses and CIDR ranges of the proxies in front, whose `X-Forwarded-*` headers are believed. `'unix'` stands for all
   * peers on a Unix socket.
   *
   * @default [] (no peer is trusted)
   * @example ['10.0.0.0/8', '2001:db8::/32', 'unix']
   */
  readonly trustedProxies?: readonly string[]
  /**
   * Options of single entry points, by the names of the entry points. They replace the same option of the whole proxy there.
   *
   * @default {}
   * @example { internal: { trustedProxies: ['10.0.0.0/8'] }, public: { trustedProxies: [] } }
   */
  readonly entryPoints?: Readonly<Record<string, EntryPointOptions>>
  /**
   * Whether servers get a `Forwarded` header (RFC 7239) in addition to `X-Forwarded-*`.
   *
   * @default false
   */
  readonly forwardedHeader?: boolean
  /**
   * What happens to a request header that servers may read as another one. To a server that speaks CGI, WSGI or Rack,
   * `X_Forwarded_For` is `X-Forwarded-For` (RFC 9110, 17.10). The option concerns such twins of three groups of fields: those
   * that frame a message, those that this proxy writes, and those that `onRequest` writes.
   *
   * - `drop`: the proxy leaves twins out.
   * - `refuse`: the proxy answers 400 `PROXY_BAD_REQUEST`.
   * - `keep`: the proxy passes twins on. It still leaves out twins of fields that it writes itself. It also leaves out twins of
   *   forwarding headers whose sender is not trusted.
   *
   * @default 'drop'
   */
  readonly underscoreHeaders?: UnderscoreHeaders
  /**
   * Limits in time: milliseconds above 0, or `Infinity` for no limit. A member that is absent has its default. docs/limits.md
   * says what happens beyond each limit.
   *
   * @default the default of each member of {@link Timeouts}
   * @example { connectMs: 2_000, responseHeadMs: 30_000, requestMs: 120_000 }
   */
  readonly timeouts?: Partial<Timeouts>
  /**
   * Limits in number and size: bytes, connections, requests, or milliseconds in names that end in `Ms`. `Infinity` means no
   * limit. A member that is absent has its default. docs/limits.md says what happens beyond each limit.
   *
   * @default the default of each member of {@link Limits}
   * @example { bodyBytes: 10 * 1024 * 1024, requestsInFlight: 5_000, connectionsPerAddress: 100 }
   */
  readonly limits?: Partial<Limits>
  /**
   * How often a failed request is sent again, and which share retries may add to the traffic.
   *
   * @default { attempts: 3, budget: 0.2 }
   * @example { attempts: 1 }
   */
  readonly retry?: RetryOptions
  /**
   * TLS towards servers with `https` URLs: authorities, and a client certificate, as PEM.
   *
   * @default {} (verified by the authorities that Node trusts, without a client certificate)
   * @example { ca: readFileSync('/etc/ssl/internal-ca.pem') }
   */
  readonly upstreamTls?: UpstreamTls
  /**
   * Finds the addresses of servers' names, for example from a cache. The proxy calls it like `dns.lookup`, with `all: true`. It
   * answers by its callback, and a promise is not awaited. If it fails, the request goes to another server. If there is no
   * other server, the client gets 502 `PROXY_CONNECT_FAILED`.
   *
   * @default `lookup` of `node:dns`, which asks the operating system
   * @example
   * ```ts
   * const lookup: LookupFunction = (name, options, callback) => dns.lookup(name, { ...options, family: 4 }, callback)
   * ```
   */
  readonly lookup?: LookupFunction
  /**
   * Secret that makes the values of sticky cookies HMACs (SHA-256). Clients then cannot check guesses at the names of backends
   * and servers. It has at least 16 bytes, and is the same in every proxy.
   *
   * The first secret of a list makes new cookies, and all of them are accepted. To change the secret, restart every proxy with
   * `[old, new]`, then every proxy with `[new, old]`. Restart them with `[new]` when the sessions of clients are over. The value
   * `undefined` is refused, because a variable that is not set would turn the secret off.
   *
   * @default none (the values are digests of the names)
   * @example [newSecret, oldSecret]
   */
  readonly stickySecret?: string | readonly string[]
  /**
   * Protocols to which a connection may be upgraded in addition to `websocket`, in any case of letters. A client may ask for
   * them by any method, while `websocket` takes only GET (RFC 6455, 4.1).
   *
   * @default []
   * @example ['SPDY/3.1']
   */
  readonly upgradeProtocols?: readonly string[]
  /**
   * What happens to an error that an event listener or `next` throws. `warn` makes it a process warning, at most ten in a minute
   * for each listener. `throw` throws it on the next tick as an uncaught exception, after the other listeners were called.
   *
   * @default 'warn'
   */
  readonly onListenerError?: OnListenerError
}
