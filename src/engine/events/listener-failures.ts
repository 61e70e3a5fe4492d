import { asError } from '../../model/errors.js'

/**
 * What happens to an error that a function of the host has thrown: `warn` makes it a process warning, `throw` throws it again.
 */
export type OnListenerError = 'warn' | 'throw'

/**
 * Maximum number of warnings about one listener in a period. A
 * listener that fails for each request would flood the error stream.
 */
const MAX_WARNINGS = 10
/** Milliseconds in which `MAX_WARNINGS` counts. */
const PERIOD_MS = 60_000

/** Reports functions of the host that threw or rejected, where no caller can catch the error. */
export class ListenerFailures {
  readonly #policy: OnListenerError
  readonly #told = new WeakMap<object, { since: number; count: number }>()

  constructor(policy: OnListenerError = 'warn') {
    this.#policy = policy
  }

  /**
   * Reports a failure. It never throws: with `'throw'`, the error is thrown on the next tick, after the caller has gone on.
   *
   * @param key the function that failed, which has its own limit of warnings
   * @param what the same function in words
   */
  tell(key: object, what: string, thrown: unknown): void {
    if (this.#policy === 'throw') {
      process.nextTick(() => {
        throw thrown
      })
      return
    }
    const count = this.#countOf(key)
    if (count > MAX_WARNINGS) return
    const rest =
      count === MAX_WARNINGS ? '; its further failures within the same minute are not reported' : ''
    const { message, detail } = describe(thrown)
    process.emitWarning(`${what} failed: ${message}${rest}`, {
      type: 'SwitchoverWarning',
      code: 'SWITCHOVER_LISTENER_FAILED',
      ...(detail !== undefined && { detail }),
    })
  }

  #countOf(key: object): number {
    const now = performance.now()
    let told = this.#told.get(key)
    if (!told || now - told.since > PERIOD_MS) told = { since: now, count: 0 }
    told.count += 1
    this.#told.set(key, told)
    return told.count
  }
}

function describe(thrown: unknown): { readonly message: string; readonly detail?: string } {
  const error = asError(thrown)
  const { message } = error
  return error === thrown ? { message, ...stackOf(error) } : { message }
}

/** Returns the stack of an error. Reading the stack may throw, even where reading the message does not. */
function stackOf(error: Error): { readonly detail?: string } {
  try {
    return { detail: String(error.stack) }
  } catch {
    return {}
  }
}
