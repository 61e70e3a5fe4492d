import type { CompiledTerm } from '../rules/compile-rule.js'
import type { Needs } from '../rules/compiled-matcher.js'
import { conjunctsOf, type Decision, holds, type RuleTree, type Test } from '../rules/rule-tree.js'

/** The hosts and paths under which the index stores a frontend, and the part of its rule that must be tested after the lookup. */
export interface IndexPlace {
  /** The hosts of which the rule requires one. Absent if the rule may hold for any host. */
  readonly hosts?: Pick<Needs, 'hosts' | 'wildcards'>
  /** The paths of which the rule requires one. Absent if the rule may hold for any path. */
  readonly paths?: Pick<Needs, 'paths' | 'prefixes'>
  /** Tests the part of the rule that the lookup does not decide. Absent if the lookup by host and path decides the whole rule. */
  readonly test?: Decision
}

type Tree = RuleTree<CompiledTerm>

/**
 * The most pairs of a host and a path under which the index stores one frontend. With more pairs, the frontend is stored by its
 * hosts alone.
 */
const MAX_PLACES = 1_000

/**
 * Returns the hosts and the paths under which the index stores a frontend. If several parts of the rule require a host, the part
 * with the fewest hosts is used. The same goes for paths.
 */
export function indexPlaceOf(tree: Tree): IndexPlace {
  const parts = conjunctsOf(tree).map((part) => ({ part, needs: needsOf(part) }))
  const byHost = fewest(parts, sizeOfHosts)
  const byPath = fewest(parts, sizeOfPaths)
  const placesByPath = byPath ? sizeOfPaths(byPath.needs) : 1
  const tooMany = byHost && byPath && sizeOfHosts(byHost.needs) * placesByPath > MAX_PLACES
  const used = tooMany ? [byHost] : [byHost, byPath]
  const left = parts.filter((part) => !(used.includes(part) && part.needs.whole)).map(({ part }) => part)
  const test = testOf(left)
  return {
    ...(byHost && { hosts: byHost.needs }),
    ...(byPath && !tooMany && { paths: byPath.needs }),
    ...(test && { test }),
  }
}

function fewest<T extends { needs: Needs }>(
  parts: readonly T[],
  sizeOf: (needs: Needs) => number,
): T | undefined {
  let best: T | undefined
  for (const part of parts) {
    const size = sizeOf(part.needs)
    if (size > 0 && (!best || size < sizeOf(best.needs))) best = part
  }
  return best
}

function sizeOfHosts({ hosts = [], wildcards = [] }: Needs): number {
  return hosts.length + wildcards.length
}

function sizeOfPaths({ paths = [], prefixes = [] }: Needs): number {
  return paths.length + prefixes.length
}

const NOTHING_NEEDED: Needs = { whole: false }

function needsOf(tree: Tree): Needs {
  if (tree.kind === 'term') return tree.needs ?? NOTHING_NEEDED
  if (tree.kind === 'not') return NOTHING_NEEDED
  const needs = tree.parts.map(needsOf)
  return tree.kind === 'any' ? ofAny(needs) : ofAll(needs)
}

/**
 * Returns the hosts and paths that alternatives ("or") require together. A host is required only if each alternative requires
 * one. Then the hosts of all alternatives are allowed. The same goes for paths.
 */
function ofAny(needs: readonly Needs[]): Needs {
  const byHost = needs.every((each) => sizeOfHosts(each) > 0)
  const byPath = needs.every((each) => sizeOfPaths(each) > 0)
  return {
    ...(byHost && {
      hosts: union(needs, (each) => each.hosts),
      wildcards: union(needs, (each) => each.wildcards),
    }),
    ...(byPath && {
      paths: union(needs, (each) => each.paths),
      prefixes: union(needs, (each) => each.prefixes),
    }),
    whole: false,
  }
}

function ofAll(needs: readonly Needs[]): Needs {
  const { hosts = [], wildcards = [] } = needs.find((each) => sizeOfHosts(each) > 0) ?? NOTHING_NEEDED
  const { paths = [], prefixes = [] } = needs.find((each) => sizeOfPaths(each) > 0) ?? NOTHING_NEEDED
  return { hosts, wildcards, paths, prefixes, whole: false }
}

function union(needs: readonly Needs[], get: (needs: Needs) => readonly string[] | undefined): string[] {
  return [...new Set(needs.flatMap((each) => get(each) ?? []))]
}

/**
 * Compiles the parts of a rule to one function, which returns true only if all parts return exactly `true`. An unknown answer is
 * undefined. A matcher of the embedding application may return a promise, which is truthy.
 */
function testOf(parts: readonly Tree[]): Decision | undefined {
  const tests = parts.map((part): Test => {
    if (part.kind !== 'term') return (facts) => holds(part, facts)
    return part.test
  })
  const [first, second, ...more] = tests
  if (!first) return undefined
  if (!second) return (facts) => first(facts) === true
  if (more.length === 0) return (facts) => first(facts) === true && second(facts) === true
  return (facts) => {
    for (const test of tests) if (test(facts) !== true) return false
    return true
  }
}
