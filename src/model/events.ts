import type { Issue, ProxyError } from './errors.js'

/** What a switch did to one kind of thing; names as `name@provider`. */
export interface Changes {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** A new generation serves. */
export interface ConfigChanged {
  readonly generation: number
  /** The provider whose delivery made the switch. */
  readonly provider: string
  readonly version?: string
  /** Whether the source confirmed that this is the version asked for. */
  readonly verified: boolean
  readonly changes: { readonly frontends: Changes; readonly backends: Changes }
  /** Milliseconds per step, in order: the provider's own, then `validate`, `merge`, `compile`, `swap`. */
  readonly steps: Readonly<Record<string, number>>
  /** Fields that were ignored because `unsupportedFields: 'warn'` was asked for. */
  readonly warnings: readonly Issue[]
}

/** A delivery was refused; what served before goes on serving. */
export interface ConfigRejected {
  readonly provider: string
  readonly version?: string
  readonly error: ProxyError
}

/** A provider's source cannot be reached. Once per outage, with the first cause. */
export interface ProviderUnavailable {
  readonly provider: string
  readonly error: Error
}

/** A provider's source has answered again for two seconds. */
export interface ProviderRecovered {
  readonly provider: string
  /** From the first trouble to the first answer after it. */
  readonly downMs: number
}

/** A request was answered. */
export interface RequestFinished {
  readonly generation: number
  /** `name@provider`; absent if none matched. */
  readonly frontend?: string
  readonly backend?: string
  /** The server's name within its backend. */
  readonly server?: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** As the client got it; 101 for a tunnel, 499 if the client left before one was sent. */
  readonly status: number
  readonly durationMs: number
  /** How often it was sent again, to another server. */
  readonly retries: number
  readonly clientAddress: string
}

/** A request was answered by the proxy itself, or its answer was cut short. */
export interface RequestFailed extends RequestFinished {
  readonly error: ProxyError
}

/** A server was taken out of rotation, or put back. Health checks emit it; until they are built nobody does. */
export interface ServerHealthChanged {
  /** `name@provider` */
  readonly backend: string
  readonly server: string
  readonly reason: string
}

/** Of a circuit breaker: all requests pass, none does, more and more do. */
export type CircuitState = 'standby' | 'tripped' | 'recovering'

/** A backend's circuit breaker has another state. */
export interface CircuitChanged {
  /** `name@provider` */
  readonly backend: string
  readonly state: CircuitState
}

/**
 * The steps of a shutdown, in order. `accepting`: requests are still accepted. `draining`: what is under way may finish.
 * `cutting`: what is left is cut. `closed`: nothing is served.
 */
export type ShutdownStep = 'accepting' | 'draining' | 'cutting' | 'closed'

/** A shutdown has come to its next step. `accepting` and `cutting` are left out where there is nothing to do. */
export interface ShutdownChanged {
  readonly step: ShutdownStep
  /** How long the step may last, in milliseconds. Of `accepting` and `draining` alone. */
  readonly limitMs?: number
  /** Requests and tunnels under way. */
  readonly inFlight: number
  /** How many requests and tunnels were cut. Of `closed` alone. */
  readonly cut?: number
}

/** Every event, with the arguments of its listeners. Emitted after the fact is true. */
export interface ProxyEvents {
  configChanged: [event: ConfigChanged]
  configRejected: [event: ConfigRejected]
  providerUnavailable: [event: ProviderUnavailable]
  providerRecovered: [event: ProviderRecovered]
  serverDown: [event: ServerHealthChanged]
  serverUp: [event: ServerHealthChanged]
  circuitChanged: [event: CircuitChanged]
  shutdownChanged: [event: ShutdownChanged]
  requestFinished: [event: RequestFinished]
  requestFailed: [event: RequestFailed]
}
