import type { Backend } from '../model/backend.js'
import type { MatcherTable } from '../rules/matchers.js'

/** What the checks of a document look names up in. */
export interface DocumentHost {
  readonly matchers: MatcherTable
  readonly strategies: ReadonlyMap<string, unknown>
  /** The backends of the same document that were read already. All of them are read before the first frontend. */
  readonly backends: Readonly<Record<string, Backend>>
}
