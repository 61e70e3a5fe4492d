import { toProxyError } from '../upstream/failures.js'

/** A check that was not possible for a lack of resources on the proxy's own side. It says nothing about the server. */
export const NOT_MADE = Symbol('not made')

/** The result of a check: the reason why the server is unhealthy, undefined for a healthy server, or `NOT_MADE`. */
export type Finding = string | undefined | typeof NOT_MADE

/** Returns the finding of a check that failed with an error. */
export function findingOf(thrown: unknown): Finding {
  const { code, message } = toProxyError(thrown)
  return code === 'PROXY_OUT_OF_RESOURCES' ? NOT_MADE : message
}

/** A health check of one server that is under way. */
export interface Check {
  readonly finding: Promise<Finding>
  /** Ends the check and closes its connection. A check that has its finding must be ended too. */
  end(): void
}
