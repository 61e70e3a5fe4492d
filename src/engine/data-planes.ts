import type { ClientSide } from './client/client-side.js'

/** What serves the requests of a proxy, seen from outside: it takes a request from any client. */
export interface Serving {
  /** Serves one request. @param passOn lets the application's own routes answer it, if no frontend matches */
  take(client: ClientSide, entryPoint: string | undefined, passOn?: () => void): void
}

/**
 * What serves the requests, by the emitter of the proxy's events. `switchover/testing` sends requests there, because the public
 * interface takes only those of `node:http`.
 */
export const dataPlanes = new WeakMap<object, Serving>()
