/**
 * An abort signal that aborts when the first of several source signals aborts. `unlink` disconnects it from the source signals.
 *
 * This replaces `AbortSignal.any`, which costs memory in Node. Node keeps a listener of such a signal until a source signal
 * aborts, and each call adds an entry to the source signals. A source signal that lives as long as its provider would collect
 * listeners and entries with every request.
 */
export interface LinkedSignal {
  readonly signal: AbortSignal
  /** Removes the listeners from the source signals, which then no longer abort `signal`. */
  unlink(): void
}

/**
 * Returns a signal that aborts when the first of the source signals aborts, with the same reason.
 *
 * @param sources the source signals; if one of them is aborted already, the new signal is aborted at once
 */
export function linkSignals(sources: readonly AbortSignal[]): LinkedSignal {
  const linked = new AbortController()
  const links = sources.map((source) => {
    const abort = () => linked.abort(source.reason)
    if (source.aborted) abort()
    else source.addEventListener('abort', abort)
    return () => source.removeEventListener('abort', abort)
  })
  const unlink = () => {
    for (const each of links) each()
  }
  return { signal: linked.signal, unlink }
}
