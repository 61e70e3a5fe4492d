import type { ProxyError } from '../model/errors.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { ChainRequest } from './middleware-request.js'
import type { LiveFacts } from './read-facts.js'

/** What is fixed once a request is routed. */
export interface Routed {
  readonly facts: LiveFacts
  readonly frontend: CompiledFrontend
  /** The request as middlewares know it. `undefined` if there are none. */
  readonly request: ChainRequest | undefined
  /** The backend that gets the request. `undefined` if the configuration has no backend of that name. */
  readonly backend: LiveBackend | undefined
  /** The header fields that the server will get: names and values alternate. */
  readonly headers: string[]
  /** Path and query of the forwarded request. The path of the server's URL is not included. */
  readonly target: string
  /** Maximum size of the request's body in bytes. */
  readonly bodyLimit: number
  /** The status that the client gets in place of that of the server, if a middleware has asked another backend. */
  readonly keptStatus?: number | undefined
  /** Whether a middleware has asked another backend. The request is then a GET without a body. */
  readonly isRedispatched?: boolean
  /** The error in whose place a middleware has asked another backend. */
  readonly replaced?: ProxyError | undefined
}
