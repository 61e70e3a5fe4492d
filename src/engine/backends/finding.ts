import { toProxyError } from '../upstream/failures.js'

/**
 * The result of a health check that was not possible for a lack of resources on the proxy's own side. It says nothing about the
 * server.
 */
export const NOT_MADE = Symbol('not made')

/** The result of a health check: the reason why the server is unhealthy, undefined for a healthy server, or `NOT_MADE`. */
export type Finding = string | undefined | typeof NOT_MADE

/** Returns the result of a health check that failed with an error. */
export function findingOf(thrown: unknown): Finding {
  const { code, message } = toProxyError(thrown)
  return code === 'PROXY_OUT_OF_RESOURCES' ? NOT_MADE : message
}

/** A health check of one server that is under way. */
export interface Check {
  readonly finding: Promise<Finding>
  /** Ends the health check and closes its connection. It must also be called after the check has got its result. */
  end(): void
}
