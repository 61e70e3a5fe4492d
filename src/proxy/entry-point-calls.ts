import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import { checkMs, DEFAULT_DRAIN_MS } from './step-limit.js'

/** Options of `unlisten`. */
export interface UnlistenOptions {
  /**
   * Milliseconds in which requests in progress may end. Then a request whose response has not begun gets 503, and other responses
   * and tunnels are broken off. 0: at once. `Infinity`: no limit.
   *
   * @default 10_000
   */
  readonly drainMs?: number | undefined
}

/** Options of `setEntryPoints`. */
export interface SetEntryPointsOptions {
  /**
   * The names of all entry points that listen afterwards, each on its `address`. An entry point that does not listen yet is
   * opened in the same step, and one that is not named is closed.
   *
   * @default those that listen by their names now, and are in the new table
   */
  readonly listen?: readonly string[] | undefined
  /** Milliseconds in which requests in progress may end on listeners that close, as for `unlisten`. @default 10_000 */
  readonly drainMs?: number | undefined
}

/** Checks the options of `unlisten`. @returns `drainMs` @throws ProxyError `PROXY_OPTION_INVALID` */
export function checkUnlistenOptions(options: UnlistenOptions): number {
  onlyKnownOptions(options, ['drainMs'], 'unlisten: ')
  checkMs(options.drainMs, 'unlisten: drainMs')
  return options.drainMs ?? DEFAULT_DRAIN_MS
}

/** Checks the options of `setEntryPoints`. @throws ProxyError `PROXY_OPTION_INVALID` */
export function checkSetOptions(options: SetEntryPointsOptions): {
  readonly listen: readonly string[] | undefined
  readonly drainMs: number
} {
  onlyKnownOptions(options, ['listen', 'drainMs'], 'setEntryPoints: ')
  const { listen, drainMs = DEFAULT_DRAIN_MS } = options
  checkMs(drainMs, 'setEntryPoints: drainMs')
  const isList = Array.isArray(listen) && listen.every((name) => typeof name === 'string')
  if (listen === undefined || isList) return { listen: listen && [...listen], drainMs }
  throw new ProxyError(
    'PROXY_OPTION_INVALID',
    `setEntryPoints: listen: expected a list of names of entry points, found ${describeValue(listen)}`,
  )
}
