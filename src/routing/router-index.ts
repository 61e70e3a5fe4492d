import type { RequestFacts } from '../model/request-facts.js'
import { behindFirstLabel } from '../rules/match-host.js'
import type { Decision } from '../rules/rule-tree.js'
import type { CompiledFrontend } from './compile-frontend.js'
import { PathTree } from './path-tree.js'
import { type IndexPlace, indexPlaceOf } from './router-needs.js'

/** A frontend in the form in which the index stores it under a host and a path. */
export interface RankedFrontend {
  /** The frontend's position in the order in which the router tries all frontends. */
  readonly rank: number
  readonly frontend: CompiledFrontend
  /**
   * Tests the part of the rule that the lookup by host and path has not decided. Undefined if the lookup decides the whole rule.
   */
  readonly test: Decision | undefined
}

/** The frontends of one host name. Most host names have one frontend for all paths, which is stored without a tree. */
type HostEntry = RankedFrontend | PathTree<RankedFrontend>

/**
 * An index of frontends by the hosts and paths that their rules require. For a request, only the frontends that its host and path
 * allow are tested, in the order of all frontends. So the index finds the same frontend as a test of all frontends in order.
 */
export class RouterIndex {
  readonly #hosts = new Map<string, HostEntry>()
  /** The entries of host names with a wildcard, by the part of the name after the first label. */
  readonly #wildcards = new Map<string, HostEntry>()
  readonly #anyHost = new PathTree<RankedFrontend>()
  /**
   * Whether the rule of every frontend requires an exact host name. If so, a lookup by host name finds all frontends for a
   * request.
   */
  #byHostAlone = true

  /**
   * Builds the index in steps, one step for each frontend.
   *
   * @param frontends all frontends, in the order in which the router tries them
   */
  static *build(frontends: readonly CompiledFrontend[]): Generator<void, RouterIndex> {
    const index = new RouterIndex()
    for (const [rank, frontend] of frontends.entries()) {
      index.#add(rank, frontend)
      yield
    }
    return index
  }

  /** Returns the first frontend, in the order of all frontends, whose rule holds for a request. */
  match(facts: RequestFacts): CompiledFrontend | undefined {
    const entry = this.#hosts.get(facts.host)
    if (this.#byHostAlone && !(entry instanceof PathTree)) {
      return entry === undefined || (entry.test !== undefined && !entry.test(facts))
        ? undefined
        : entry.frontend
    }
    return firstOfAll(this.#collect(facts, entry), facts)
  }

  /**
   * Returns the frontends that are tried before the one at position `rank`, and that the request's host and path allow. They are
   * in the order of all frontends. A frontend that is stored under several paths may be listed twice.
   */
  before(rank: number, facts: RequestFacts): readonly RankedFrontend[] {
    const lists = this.#collect(facts, this.#hosts.get(facts.host)).map((list) => {
      const end = list.findIndex((ranked) => ranked.rank >= rank)
      return end < 0 ? list : list.slice(0, end)
    })
    const [only] = lists
    return lists.length === 1 && only ? only : lists.flat().sort((a, b) => a.rank - b.rank)
  }

  #collect(facts: RequestFacts, named: HostEntry | undefined): (readonly RankedFrontend[])[] {
    const lists: (readonly RankedFrontend[])[] = []
    collectFrom(named, facts.path, lists)
    if (this.#wildcards.size > 0)
      collectFrom(this.#wildcards.get(behindFirstLabel(facts.host)), facts.path, lists)
    this.#anyHost.collect(facts.path, lists)
    return lists
  }

  #add(rank: number, frontend: CompiledFrontend): void {
    const { hosts, paths, test } = indexPlaceOf(frontend.tree)
    const ranked: RankedFrontend = { rank, frontend, test: onEntryPoints(frontend, test) }
    if (!hosts || hosts.wildcards?.length) this.#byHostAlone = false
    if (!hosts) {
      addTo(this.#anyHost, paths, ranked)
      return
    }
    for (const host of hosts.hosts ?? []) addToHost(this.#hosts, host, paths, ranked)
    for (const name of hosts.wildcards ?? []) addToHost(this.#wildcards, name, paths, ranked)
  }
}

function collectFrom(entry: HostEntry | undefined, path: string, into: (readonly RankedFrontend[])[]): void {
  if (entry instanceof PathTree) entry.collect(path, into)
  else if (entry !== undefined) into.push([entry])
}

function addToHost(
  hosts: Map<string, HostEntry>,
  host: string,
  paths: IndexPlace['paths'],
  ranked: RankedFrontend,
): void {
  const before = hosts.get(host)
  // If the rule names this host twice, the frontend is stored under it already.
  if (before === ranked) return
  if (before === undefined && !paths) {
    hosts.set(flat(host), ranked)
    return
  }
  const tree = before instanceof PathTree ? before : new PathTree<RankedFrontend>()
  if (before !== undefined && tree !== before) tree.add('', 'prefixed', before as RankedFrontend)
  addTo(tree, paths, ranked)
  if (tree !== before) hosts.set(flat(host), tree)
}

/**
 * Returns a copy of a string that shares no memory with another string. V8 stores a substring of a rule as a reference into the
 * rule. A comparison of such a substring with a request's host would read both strings.
 */
function flat(text: string): string {
  return Buffer.from(text).toString()
}

function addTo(tree: PathTree<RankedFrontend>, paths: IndexPlace['paths'], ranked: RankedFrontend): void {
  if (!paths) return tree.add('', 'prefixed', ranked)
  for (const path of paths.paths ?? []) tree.add(path, 'exact', ranked)
  for (const prefix of paths.prefixes ?? []) tree.add(prefix, 'prefixed', ranked)
}

function onEntryPoints({ config }: CompiledFrontend, test: Decision | undefined): Decision | undefined {
  if (config.entryPoints === undefined) return test
  const names = new Set(config.entryPoints)
  const isHere: Decision = ({ entryPoint }) => entryPoint !== undefined && names.has(entryPoint)
  return test ? (facts) => isHere(facts) && test(facts) : isHere
}

function firstOf(ordered: readonly RankedFrontend[], facts: RequestFacts): CompiledFrontend | undefined {
  for (const { test, frontend } of ordered) {
    if (test === undefined || test(facts)) return frontend
  }
  return undefined
}

/**
 * Returns the first frontend whose rule holds for a request. Each list is sorted by `rank`, the position in the order of all
 * frontends, and the lists are merged by it.
 */
function firstOfAll(
  lists: readonly (readonly RankedFrontend[])[],
  facts: RequestFacts,
): CompiledFrontend | undefined {
  const [only] = lists
  if (only === undefined) return undefined
  if (lists.length === 1) return firstOf(only, facts)
  const positions = lists.map(() => 0)
  for (;;) {
    let next: RankedFrontend | undefined
    let from = 0
    for (let index = 0; index < lists.length; index += 1) {
      const ranked = lists[index]?.[positions[index] as number]
      if (ranked !== undefined && (next === undefined || ranked.rank < next.rank)) {
        next = ranked
        from = index
      }
    }
    if (next === undefined) return undefined
    if (next.test === undefined || next.test(facts)) return next.frontend
    positions[from] = (positions[from] as number) + 1
  }
}
