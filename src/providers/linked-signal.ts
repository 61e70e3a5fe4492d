/**
 * A signal that aborts with the first of several, and that can be let go of.
 *
 * Not `AbortSignal.any`: what listens to such a signal stays in Node's memory until a source aborts, and each call leaves
 * an entry in its sources. A signal that lives as long as its provider would gather both with every question.
 */
export interface LinkedSignal {
  readonly signal: AbortSignal
  /** Takes its listeners off the sources. Nothing aborts it any more. */
  unlink(): void
}

/** @param sources whose first abort, and its reason, becomes the signal's own; one may be aborted already */
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
