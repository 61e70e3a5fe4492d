import type { CompiledTerm } from '../rules/compile-rule.js'
import type { Needs } from '../rules/compiled-matcher.js'
import { conjunctsOf, type Decision, holds, type RuleTree, type Test } from '../rules/rule-tree.js'

/** Where the router looks for a frontend, and what is left to test of its rule there. */
export interface IndexPlace {
  /** Absent: it may be any host. */
  readonly hosts?: Pick<Needs, 'hosts' | 'wildcards'>
  /** Absent: it may be any path. */
  readonly paths?: Pick<Needs, 'paths' | 'prefixes'>
  /** Nothing is left: who comes by such a host and path has matched. */
  readonly test?: Decision
}

type Tree = RuleTree<CompiledTerm>

/** The most places that one frontend is put in: a rule of many hosts and many paths is found by its hosts alone. */
const MAX_PLACES = 1_000

/** Finds a frontend's place: the fewest hosts and the fewest paths of which its rule needs one. */
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

/** A host is needed if each alternative needs one: one of all of theirs. */
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

/** Only true counts: an answer may be unknown, and a matcher of the host's may answer by a promise, which is truthy. */
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
