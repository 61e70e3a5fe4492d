/**
 * A signal that aborts with the first of several signals, and that can be disconnected from them.
 *
 * `AbortSignal.any` is not used. Node keeps a listener of such a signal in memory until a source aborts, and each call
 * leaves an entry in its sources. A signal that lives as long as its provider would collect both with every request.
 */
export interface LinkedSignal {
  readonly signal: AbortSignal
  /** Removes the listeners from the sources. No source aborts the signal afterwards. */
  unlink(): void
}

/**
 * Returns a signal that aborts when the first source aborts, with the same reason.
 *
 * @param sources the signals to follow; one that is aborted already aborts the new signal at once
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
