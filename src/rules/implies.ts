import { rangesCover } from '../base/range-set.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { Matcher } from './built-in-matchers.js'
import type { CompiledTerm } from './compile-rule.js'
import type { MatcherTable } from './matchers.js'
import type { RuleTree } from './rule-tree.js'

type Tree = RuleTree<CompiledTerm>

/**
 * Returns whether the wide rule holds for every request for which the narrow rule holds, as far as the rules alone show it. True
 * is certain. False may only mean that the answer is not known.
 *
 * The answer true is also certain if a rule is unknown for a request, as `ClientIP` is for a client without an address. For this,
 * each step keeps two properties. Where the narrow rule is true, the wide rule is true. Where the wide rule is false, the narrow
 * rule is false. Under `not`, the two properties change places, so a new step must keep both.
 */
export function implies(narrow: Tree, wide: Tree, matchers: MatcherTable): boolean {
  return new Comparison(matchers).implies(narrow, wide)
}

/**
 * The most steps for comparing two rules, because nested rules could take exponentially many. Beyond the limit, the comparison
 * returns false.
 */
const MAX_STEPS = 10_000

class Comparison {
  readonly #matchers: MatcherTable
  #steps = 0

  constructor(matchers: MatcherTable) {
    this.#matchers = matchers
  }

  implies(narrow: Tree, wide: Tree): boolean {
    this.#steps += 1
    if (this.#steps > MAX_STEPS) return false
    if (wide.kind === 'all') return wide.parts.every((part) => this.implies(narrow, part))
    if (narrow.kind === 'any') return narrow.parts.every((part) => this.implies(part, wide))
    if (wide.kind === 'any' && wide.parts.some((part) => this.implies(narrow, part))) return true
    if (narrow.kind === 'all') return narrow.parts.some((part) => this.implies(part, wide))
    if (narrow.kind === 'not' && wide.kind === 'not') return this.implies(wide.part, narrow.part)
    return narrow.kind === 'term' && wide.kind === 'term' && termImplies(narrow, wide, this.#matchers)
  }
}

function isEveryPath({ needs }: CompiledTerm): boolean {
  return needs?.whole === true && needs.prefixes?.includes('/') === true
}

function termImplies(narrow: CompiledTerm, wide: CompiledTerm, matchers: MatcherTable): boolean {
  const [known, other] = [matchers.get(narrow.matcher), matchers.get(wide.matcher)]
  // If the wide matcher only changes the path, or is the path prefix `/`, it holds for every request. So every matcher implies
  // it.
  if ((wide.modifier && !other?.fact) || isEveryPath(wide)) return true
  if (narrow.matcher === wide.matcher && isComparable(narrow, wide, other) && isSubset(narrow, wide, other))
    return true
  if (narrow.ranges && wide.ranges) return rangesCover(wide.ranges, narrow.ranges)
  if (known?.fact === undefined || known.fact !== other?.fact || !narrow.needs?.whole) return false
  return known.fact === 'host' ? hostImplies(narrow, wide) : pathImplies(narrow, wide)
}

/**
 * Returns whether equal values mean the same in both matchers. The meaning differs between a template in Traefik 1.7's syntax and
 * a regular expression in Traefik 3's syntax, for example.
 */
function isComparable(narrow: CompiledTerm, wide: CompiledTerm, matcher: Matcher | undefined): boolean {
  if (narrow.otherSlash && !wide.otherSlash) return false
  return narrow.form === wide.form || matcher?.traefik1 === matcher?.traefik3?.compile
}

/**
 * Returns whether the narrow matcher's values make it at least as narrow as the wide matcher. Values that are alternatives must
 * be a subset of the wide matcher's values. Pairs that must all hold must be a superset of the wide matcher's pairs.
 */
function isSubset(narrow: CompiledTerm, wide: CompiledTerm, matcher: Matcher | undefined): boolean {
  // If the embedding application supplied the matcher, only the application knows what several values mean. So the values must be
  // equal.
  if (matcher?.traefik3?.values[1] === Number.POSITIVE_INFINITY)
    return JSON.stringify(narrow.values) === JSON.stringify(wide.values)
  if (matcher?.pairs) {
    const known = new Set(pairsIn(narrow))
    return pairsIn(wide).every((pair) => known.has(pair))
  }
  const written = (value = '') => (wide.matcher === 'Method' ? value.toUpperCase() : value)
  // Two matchers with one value each are compared first. Most matchers have one value, and some documents compare every two
  // frontends.
  if (narrow.values.length === 1 && wide.values.length === 1)
    return written(narrow.values[0]) === written(wide.values[0])
  const known = new Set(wide.values.map(written))
  return narrow.values.every((value) => known.has(written(value)))
}

function pairsIn({ matcher, form, values }: CompiledTerm): readonly string[] {
  // In Traefik 1.7's rule syntax, each value of `Query` is a pair already: it has key and value in one text.
  if (matcher === 'Query' && form === 'traefik1') return values
  return values.flatMap((name, index) =>
    index % 2 === 0 ? [JSON.stringify([name, values[index + 1] ?? ''])] : [],
  )
}

function hostImplies(narrow: CompiledTerm, wide: CompiledTerm): boolean {
  const { hosts = [], wildcards = [] } = narrow.needs ?? {}
  // If the narrow matcher has wildcards, the wide matcher must be `Host`. The test below has the label `*`, which no host name
  // has, in the place of any label. A regular expression tests `*` like any single label, so its answer would say nothing of
  // other labels.
  if (wildcards.length > 0 && wide.matcher !== 'Host') return false
  const all = [...hosts, ...wildcards.map((name) => `*.${name}`)]
  return all.every((host) => wide.test({ ...ANY, host }))
}

function pathImplies(narrow: CompiledTerm, wide: CompiledTerm): boolean {
  const { paths = [], prefixes = [] } = narrow.needs ?? {}
  const { prefixes: widePrefixes = [], whole = false } = wide.needs ?? {}
  const isCovered = (prefix: string) => whole && widePrefixes.some((start) => prefix.startsWith(start))
  return paths.every((path) => wide.test({ ...ANY, path })) && prefixes.every(isCovered)
}

const ANY: RequestFacts = { method: 'GET', host: '', path: '/', query: '', headers: {}, clientAddress: '' }
