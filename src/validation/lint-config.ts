import { formatRange } from '../base/cidr.js'
import { pathOf, quote } from '../base/messages.js'
import { sharedRange } from '../base/range-set.js'
import { runAtOnce } from '../base/run-steps.js'
import type { ProviderConfig } from '../model/config.js'
import { configInvalid } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { CompiledRouter } from '../routing/compiled-router.js'
import { indexPlaceOf } from '../routing/router-needs.js'
import type { CompiledTerm } from '../rules/compile-rule.js'
import { implies } from '../rules/implies.js'
import { type MatcherTable, matcherTable } from '../rules/matchers.js'
import { conjunctsOf, joined, type RuleTree } from '../rules/rule-tree.js'
import { validateConfig } from './validate-config.js'
import type { ValidateOptions } from './validate-options.js'

/** Something in a valid document that is most likely a mistake. */
export interface LintFinding {
  /**
   * The kind of mistake. `SHADOWED`: the frontend can never win a request. `UNUSED_BACKEND`: no frontend uses the backend.
   * `RANGES_OVERLAP`: an earlier frontend for the same requests gets some of this frontend's clients.
   */
  readonly code: 'SHADOWED' | 'UNUSED_BACKEND' | 'RANGES_OVERLAP'
  /** The path of the frontend or backend in the document, for example `frontends.web`. */
  readonly path: string
  /** The description of the mistake, in a sentence for people. */
  readonly message: string
  /** The name of the frontend that gets the requests instead. Absent if the mistake is an unused backend. */
  readonly by?: string
}

/**
 * Looks for likely mistakes in a valid document. It finds a frontend that can never win, because one earlier frontend takes all
 * its requests. It finds a backend that no frontend uses. It finds client ranges that overlap between two frontends which
 * otherwise match the same requests and have different backends. Every reported mistake is certain, but some mistakes are not
 * found. For example, a frontend may never win because of several other frontends together.
 *
 * @param options the options that `validateConfig` takes
 * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues, if the document is not valid
 * @throws ProxyError `PROXY_OPTION_INVALID` for a wrong option, as `validateConfig` does
 * @example
 * ```ts
 * const findings = lintConfig({
 *   frontends: {
 *     all: { backend: 'pool', rule: 'PathPrefix:/', priority: 100 },
 *     api: { backend: 'pool', rule: 'PathPrefix:/api' },
 *   },
 *   backends: { pool: { servers: { one: { url: 'http://10.0.0.7:8080' } } } },
 * })
 * findings[0]?.code // 'SHADOWED'
 * findings[0]?.by // 'all'
 * ```
 */
export function lintConfig(document: ProviderConfig, options: ValidateOptions = {}): LintFinding[] {
  const checked = validateConfig(document, options)
  if (!checked.ok) {
    throw configInvalid(checked.issues)
  }
  const { config } = checked
  const matchers = matcherTable(options)
  const router = runAtOnce(
    CompiledRouter.compileSteps(Object.entries(config.frontends), { matchers, middlewares: [] }),
  )
  const used = new Set(router.frontends.map(({ backend }) => backend))
  return [
    ...router.frontends.flatMap((frontend, rank) => findingsOf(frontend, rank, router, matchers)),
    ...Object.keys(config.backends).flatMap((name) => (used.has(name) ? [] : [unused(name)])),
  ]
}

function unused(name: string): LintFinding {
  const message = `no frontend of this document uses the backend ${quote(name)}`
  return { code: 'UNUSED_BACKEND', path: pathOf('backends', name), message }
}

function findingsOf(
  frontend: CompiledFrontend,
  rank: number,
  router: CompiledRouter,
  matchers: MatcherTable,
): LintFinding[] {
  const allowed = router.before(rank, sampleOf(frontend))
  const earlier = allowed.filter((other) => answersWherever(other, frontend))
  const path = pathOf('frontends', frontend.name)
  const shadow = earlier.find(({ tree }) => implies(frontend.tree, tree, matchers))
  if (shadow) {
    const message = `${quote(frontend.name)} can never win: ${describe(shadow)} comes before it and takes every request that it would take`
    return [{ code: 'SHADOWED', path, message, by: shadow.name }]
  }
  return [...new Set(earlier)].flatMap((other) => overlapOf(frontend, other, path, matchers) ?? [])
}

/**
 * Returns a sample request that the frontend may take. Another frontend that takes all requests of this frontend may take the
 * sample too.
 */
function sampleOf({ tree }: CompiledFrontend): RequestFacts {
  const { hosts, paths } = indexPlaceOf(tree)
  const [label] = hosts?.wildcards ?? []
  const host = hosts?.hosts?.[0] ?? (label === undefined ? '' : `*.${label}`)
  const path = paths?.paths?.[0] ?? paths?.prefixes?.[0] ?? '/'
  return { method: 'GET', host, path, query: '', headers: {}, clientAddress: '' }
}

function answersWherever(other: CompiledFrontend, frontend: CompiledFrontend): boolean {
  const [theirs, ours] = [other.config.entryPoints, frontend.config.entryPoints]
  return theirs === undefined || (ours?.every((name) => theirs.includes(name)) ?? false)
}

/** Reports two frontends with different backends if their rules differ only in their client ranges, and these ranges overlap. */
function overlapOf(
  frontend: CompiledFrontend,
  other: CompiledFrontend,
  path: string,
  matchers: MatcherTable,
): LintFinding | undefined {
  if (frontend.backend === other.backend) return undefined
  const [ours, theirs] = [splitOf(frontend), splitOf(other)]
  if (!ours || !theirs || !implies(ours.rest, theirs.rest, matchers)) return undefined
  const shared = sharedRange(ours.ranges, theirs.ranges)
  if (!shared) return undefined
  const message = `${formatRange(shared)} is in the ranges of ${quote(frontend.name)} and of ${describe(other)}, which comes first: clients in it get the backend ${quote(other.backend)}, not ${quote(frontend.backend)}`
  return { code: 'RANGES_OVERLAP', path, message, by: other.name }
}

/** Splits a rule into its ranges of client addresses and its other conditions. Returns undefined if the rule has no ranges. */
function splitOf({ tree }: CompiledFrontend) {
  const parts = conjunctsOf(tree)
  const withRanges = parts.find(
    (part): part is CompiledTerm => part.kind === 'term' && part.ranges !== undefined,
  )
  if (!withRanges) return undefined
  const rest: RuleTree<CompiledTerm> = joined(
    'all',
    parts.filter((part) => part !== withRanges),
  )
  return { ranges: withRanges.ranges ?? [], rest }
}

function describe({ name, priority }: CompiledFrontend): string {
  return `${quote(name)} (priority ${priority})`
}
