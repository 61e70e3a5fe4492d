import { toProxyError } from '../upstream/failures.js'

/** The check could not be made for what is short on our own side. */
export const NOT_MADE = Symbol('not made')

/** What a check found: why the server is not well, or nothing. */
export type Finding = string | undefined | typeof NOT_MADE

export function findingOf(thrown: unknown): Finding {
  const { code, message } = toProxyError(thrown)
  return code === 'PROXY_OUT_OF_RESOURCES' ? NOT_MADE : message
}

/** One check under way. */
export interface Check {
  readonly finding: Promise<Finding>
  /** Gives it up and lets go of all that it holds. Also called after its end. */
  end(): void
}
