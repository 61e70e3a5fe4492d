import type { RequestFacts } from '../model/request-facts.js'
import type { ChainSource, Explained, Row } from './middleware-kind.js'
import { SLASH_REDIRECT } from './slash-redirect.js'
import { WHITE_LIST } from './white-list.js'

/**
 * The built-in middlewares, in the order in which they see a request. To add one, write its file, add a row, and name its
 * field in `validation/frontend-schema.ts` and `model/config.ts`. Explanations and the order of work follow.
 */
export const MIDDLEWARES: readonly Row[] = [SLASH_REDIRECT, WHITE_LIST]

/** The verdict of a middleware behind one that answers. */
export const NOT_ASKED = 'is not asked'

/** One middleware of a chain, and what it would say of a request. */
export interface ChainStep {
  /** The field of the document that asks for the middleware. */
  readonly middleware: string
  /** Its verdict in words. */
  readonly verdict: string
}

/** What a chain would say of a request. */
export interface ExplainedChain {
  /** The middlewares in their order, and what each would say. */
  readonly steps: readonly ChainStep[]
  /** The response of the first middleware that answers. Absent if the request reaches a server, as far as that is known. */
  readonly answer?: Explained['answer']
}

/** Explains the chain of one frontend for a request. @param rows the table, with the rows of the application */
export function explainChain(source: ChainSource, rows: readonly Row[], facts: RequestFacts): ExplainedChain {
  const { clientAddress, peerAddress = clientAddress } = facts
  const steps: ChainStep[] = []
  let answer: Explained['answer']
  for (const row of rows) {
    const config = row.of(source)
    if (config === undefined) continue
    if (answer) steps.push({ middleware: row.field, verdict: NOT_ASKED })
    else {
      const known = row.explain(config, facts, peerAddress)
      steps.push({ middleware: row.field, verdict: known?.verdict ?? 'decides when the request comes' })
      answer = known?.answer
    }
  }
  return { steps, ...(answer && { answer }) }
}
