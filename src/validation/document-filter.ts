import { describeKind } from '../base/messages.js'
import type { ProviderConfig } from '../model/config.js'
import { asError, configInvalid, ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import { plainCopy } from './plain-copy.js'
import type { ValidateOptions } from './validate-options.js'

/**
 * A document, or a part of it, that a filter may change. It is not validated yet: a field may be missing, or have any other value
 * than its type says.
 *
 * @example
 * const setTier = (backend: DocumentDraft<Backend>) => {
 *   backend.metadata ??= { tier: 'silver' }
 * }
 */
export type DocumentDraft<T = ProviderConfig> = T extends readonly (infer V)[]
  ? V[]
  : T extends object
    ? { -readonly [K in keyof T]?: DocumentDraft<T[K]> }
    : T

/** Names the document that a filter gets. */
export interface FilterContext {
  /** The name of the provider that delivered the document. */
  readonly provider: string
}

/**
 * Changes each delivered document before it is validated: sets defaults, enforces a policy, replaces placeholders. It gets a copy
 * as plain data, which it may change, and returns the document to validate. It is called synchronously.
 *
 * @param document the document; its fields have the names of the schema, if the provider takes names in any case
 * @throws any error, to refuse the document. The message becomes an issue. A `ProxyError` with `issues` keeps its issues.
 * @example
 * ```ts
 * const detectOutliers: DocumentFilter = (document) => {
 *   for (const backend of Object.values(document.backends ?? {})) if (backend) backend.outlierDetection ??= {}
 *   return document
 * }
 * ```
 */
export type DocumentFilter = (document: DocumentDraft, context: FilterContext) => unknown

/** What a document may use, and what the embedding application changes in it before it is validated. */
export interface DocumentOptions extends ValidateOptions {
  /**
   * Changes each delivered document before it is validated. If it throws, the document is refused.
   *
   * @default none
   * @example
   * documentFilter: (document) => {
   *   for (const backend of Object.values(document.backends ?? {})) if (backend) backend.outlierDetection ??= {}
   *   return document
   * }
   */
  readonly documentFilter?: DocumentFilter
}

/**
 * Passes a document through the filter of the embedding application.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` if the document is not plain data, or if the filter throws or returns no document
 */
export function* filterSteps(
  document: unknown,
  provider: string,
  filter: DocumentFilter,
): Generator<void, unknown> {
  const copy = yield* plainCopy(document)
  let filtered: unknown
  let found: string | undefined
  try {
    filtered = filter(copy as DocumentDraft, { provider })
    found = flawOf(filtered)
  } catch (thrown) {
    if (thrown instanceof ProxyError && hasIssues(thrown)) throw thrown
    throw filterFailed(`documentFilter threw: ${asError(thrown).message}`)
  }
  if (found === undefined) return filtered
  onRejected(filtered, () => {})
  throw filterFailed(`expected documentFilter to return the document, found ${found}`)
}

/** Returns what a filter returned in place of a document. */
function flawOf(filtered: unknown): string | undefined {
  if (typeof (filtered as PromiseLike<unknown> | null)?.then === 'function') return 'a promise'
  return typeof filtered === 'object' && filtered !== null ? undefined : describeKind(filtered)
}

function hasIssues({ issues }: ProxyError): boolean {
  const isText = (value: unknown) => typeof value === 'string'
  return (
    Array.isArray(issues) &&
    issues.length > 0 &&
    // A copy, in which a gap of the list is an item that is undefined.
    [...issues].every((issue) => isText(issue?.path) && isText(issue?.code) && isText(issue?.message))
  )
}

function filterFailed(message: string): ProxyError {
  return configInvalid([{ path: '', code: 'FILTER_FAILED', message }])
}
