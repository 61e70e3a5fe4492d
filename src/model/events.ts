import type { Issue, ProxyError } from './errors.js'
import type { EntryMetadata, Metadata } from './metadata.js'

/** Names of the frontends or backends that a switch to a new configuration added, removed or changed, as `name@provider`. */
export interface Changes {
  /** Names that only the new configuration has. */
  readonly added: readonly string[]
  /** Names that only the configuration before had. */
  readonly removed: readonly string[]
  /** Names that both configurations have, with different content. */
  readonly changed: readonly string[]
}

/** The proxy has switched to a new configuration, which is a new generation. */
export interface ConfigChanged {
  /** The number of the new configuration. The first one is 1, and each switch adds 1. */
  readonly generation: number
  /** The name of the provider whose delivery caused the switch to this configuration. */
  readonly provider: string
  /** The version label of the document that the provider delivered. Absent if the document has none. */
  readonly version?: string
  /** The labels of the document that the provider delivered. Absent if the document has none. */
  readonly metadata?: Metadata
  /** False if the source did not confirm that it answered with the version that the proxy asked for. */
  readonly verified: boolean
  /** The difference from the configuration before. */
  readonly changes: {
    /** The frontends that were added, removed or changed. */
    readonly frontends: Changes
    /** The backends that were added, removed or changed. */
    readonly backends: Changes
  }
  /** Milliseconds that each step took, in order: the steps of the provider, then `validate`, `merge`, `compile`, `swap`. */
  readonly steps: Readonly<Record<string, number>>
  /** Warnings: fields that the option `unsupportedFields` left out, and keys of a key-value store that the provider left out. */
  readonly warnings: readonly Issue[]
}

/** The proxy refused a delivery of a provider. The configuration that was live before keeps serving. */
export interface ConfigRejected {
  /** The name of the provider that delivered. */
  readonly provider: string
  /** The version label of the document, or the alias value. Absent if the delivery has none. */
  readonly version?: string
  /** The reason. For a document, its code is `PROXY_CONFIG_INVALID` and its `issues` has every flaw of the document. */
  readonly error: ProxyError
}

/** The source of a provider cannot be reached. The proxy emits this once for each outage. */
export interface ProviderUnavailable {
  /** The provider's name. */
  readonly provider: string
  /** The first error of this outage of the provider's source. */
  readonly error: Error
}

/** The source of a provider can be reached again, and has been for two seconds. */
export interface ProviderRecovered {
  /** The provider's name. */
  readonly provider: string
  /** Milliseconds from the first failure of the source to its first answer afterwards. */
  readonly downMs: number
}

/** A request has ended: its response was sent completely, or was cut off. */
export interface RequestFinished {
  /**
   * The number of the configuration that served the request. 0: the request came before the first configuration, or while the
   * proxy closed.
   */
  readonly generation: number
  /** The frontend, as `name@provider`. Absent if no frontend matched. */
  readonly frontend?: string
  /** The backend, as `name@provider`. Absent if no frontend matched. */
  readonly backend?: string
  /** The server's name within its backend. Absent if the request reached no server. */
  readonly server?: string
  /** The labels of the frontend, backend and server. Absent if none of them has labels. */
  readonly metadata?: EntryMetadata
  /** The HTTP method of the request. */
  readonly method: string
  /** The host name in lower case, without port. `''` if the request names none, or if `generation` is 0. */
  readonly host: string
  /** The path in normal form, without the query. If `generation` is 0, the request target as the client sent it. */
  readonly path: string
  /** The HTTP status that the client got. 101 for an upgraded connection; 499 if the client left before it got a status. */
  readonly status: number
  /** Milliseconds from the head of the request to the end of the response or of the tunnel. */
  readonly durationMs: number
  /** The number of times that the proxy sent the request again. */
  readonly retries: number
  /** The client address. `''` for a client without an address, or if `generation` is 0. */
  readonly clientAddress: string
}

/** A request failed: the proxy answered it with an error, or the response was cut short. */
export interface RequestFailed extends RequestFinished {
  /** Why the request failed. */
  readonly error: ProxyError
}

/**
 * A server was taken out of rotation, or put back: by a health check, by outlier detection, or because the proxy could not
 * connect to it.
 */
export interface ServerHealthChanged {
  /** The backend, as `name@provider`. */
  readonly backend: string
  /** The server's name within its backend. */
  readonly server: string
  /** The labels of the backend and the server. Absent if neither has labels. */
  readonly metadata?: Omit<EntryMetadata, 'frontend'>
  /** The reason for the change, in a few words for people. */
  readonly reason: string
}

/** The state of a circuit breaker. `standby`: all requests pass. `tripped`: none pass. `recovering`: a growing share passes. */
export type CircuitState = 'standby' | 'tripped' | 'recovering'

/** The circuit breaker of a backend has changed its state. */
export interface CircuitChanged {
  /** The backend, as `name@provider`. */
  readonly backend: string
  /** The new state. */
  readonly state: CircuitState
}

/**
 * The steps of a shutdown, in order. `accepting`: the proxy still accepts requests. `draining`: requests under way may end.
 * `cutting`: the proxy cuts the requests that are left. `closed`: the proxy serves nothing.
 */
export type ShutdownStep = 'accepting' | 'draining' | 'cutting' | 'closed'

/**
 * A shutdown has entered its next step. The proxy emits `accepting` only if the option `acceptMs` is above 0, and `cutting` only
 * if requests are left to cut.
 */
export interface ShutdownChanged {
  /** The step of the shutdown that begins. */
  readonly step: ShutdownStep
  /** Milliseconds that the step may last. Present only with `accepting` and `draining`. */
  readonly limitMs?: number
  /** The number of requests and tunnels under way. */
  readonly inFlight: number
  /** The number of requests and tunnels that were cut. Present only with `closed`. */
  readonly cut?: number
}

/**
 * The events of a proxy, with the arguments of their listeners. The proxy emits each event after the change that it reports.
 *
 * @example proxy.on('configChanged', ({ generation, changes }) => console.log(generation, changes.frontends.added))
 */
export interface ProxyEvents {
  /** The proxy has switched to a new configuration. */
  configChanged: [event: ConfigChanged]
  /** A document or an alias value was refused. */
  configRejected: [event: ConfigRejected]
  /** The source of a provider cannot be reached. */
  providerUnavailable: [event: ProviderUnavailable]
  /** The source of a provider answers again. */
  providerRecovered: [event: ProviderRecovered]
  /** A server is out of rotation. */
  serverDown: [event: ServerHealthChanged]
  /** A server is back in rotation. */
  serverUp: [event: ServerHealthChanged]
  /** A circuit breaker has changed its state. */
  circuitChanged: [event: CircuitChanged]
  /** A shutdown has entered its next step. */
  shutdownChanged: [event: ShutdownChanged]
  /** A request has ended, with success or not. */
  requestFinished: [event: RequestFinished]
  /** A request failed: the proxy answered it with an error, or the response was cut short. `requestFinished` comes before it. */
  requestFailed: [event: RequestFailed]
}
