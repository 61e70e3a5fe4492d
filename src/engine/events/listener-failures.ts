import { asError } from '../../model/errors.js'

/** What happens to an error that a function of the host's threw: a warning of the process, or it is thrown again. */
export type OnListenerError = 'warn' | 'throw'

/** How often one listener is told of in a period. One that fails for each request would flood the error stream. */
const MAX_TOLD = 10
const PERIOD_MS = 60_000

/** Tells of functions of the host's that threw or rejected, where nobody is left to catch it. */
export class ListenerFailures {
  readonly #policy: OnListenerError
  readonly #told = new WeakMap<object, { since: number; count: number }>()

  constructor(policy: OnListenerError = 'warn') {
    this.#policy = policy
  }

  /**
   * Never throws. With `'throw'`, the error is thrown on the next tick: whoever called goes on first.
   *
   * @param key what failed: each has its own limit of warnings
   * @param what the same in words
   */
  tell(key: object, what: string, thrown: unknown): void {
    if (this.#policy === 'throw') {
      process.nextTick(() => {
        throw thrown
      })
      return
    }
    const count = this.#countOf(key)
    if (count > MAX_TOLD) return
    const rest = count === MAX_TOLD ? '; the next minute tells of no further failure of it' : ''
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

/** A member of its own, which may throw when it is read though the message can be. */
function stackOf(error: Error): { readonly detail?: string } {
  try {
    return { detail: String(error.stack) }
  } catch {
    return {}
  }
}
