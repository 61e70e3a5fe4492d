import { asError } from '../../model/errors.js'

/**
 * What happens to an error that a listener or `next` of the application throws: `warn` emits a Node process warning, `throw`
 * throws the error again.
 */
export type OnListenerError = 'warn' | 'throw'

/**
 * Maximum number of warnings about one listener within `PERIOD_MS`. A listener that fails for each request would otherwise flood
 * the standard error stream.
 */
const MAX_WARNINGS = 10
/** Length in milliseconds of the period in which at most `MAX_WARNINGS` warnings are emitted for one listener. */
const PERIOD_MS = 60_000

/** Reports errors and rejections of the application's functions, where no caller could catch them. */
export class ListenerFailures {
  readonly #policy: OnListenerError
  readonly #told = new WeakMap<object, { since: number; count: number }>()

  constructor(policy: OnListenerError = 'warn') {
    this.#policy = policy
  }

  /**
   * Reports an error of one of the application's functions. It never throws itself. With `'throw'`, the error is thrown on the
   * next tick, after the caller has returned.
   *
   * @param key the function that failed; warnings are counted and limited for each function
   * @param what the name of the function for the message
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

/** Returns the stack of an error, or nothing if reading it throws, as a custom getter may do. */
function stackOf(error: Error): { readonly detail?: string } {
  try {
    return { detail: String(error.stack) }
  } catch {
    return {}
  }
}
