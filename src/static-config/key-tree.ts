import type { StaticKey } from '../validation/static-keys/static-key.js'
import { isOpaque, STATIC_KEYS } from '../validation/static-keys/static-keys.js'

/**
 * A node in the tree of all configuration keys. `below` maps names in lower case to child nodes. The child `*` stands for any
 * name.
 */
export interface KeyStep {
  /** The last part of the configuration key, in Traefik's spelling. */
  readonly name: string
  readonly key: StaticKey | undefined
  readonly below: ReadonlyMap<string, KeyStep>
}

interface GrowingStep extends KeyStep {
  key: StaticKey | undefined
  readonly below: Map<string, GrowingStep>
}

/** All configuration keys as a tree. Its nodes are nested like the tables of a `traefik.toml`. */
export const KEY_TREE: KeyStep = grow()

function grow(): KeyStep {
  const root: GrowingStep = { name: '', key: undefined, below: new Map() }
  for (const key of STATIC_KEYS.values()) {
    let step = root
    for (const name of key.path.split('.')) {
      const next = step.below.get(name.toLowerCase()) ?? { name, key: undefined, below: new Map() }
      step.below.set(name.toLowerCase(), next)
      step = next
    }
    step.key = key
  }
  return root
}

/** Returns the child of a tree node by name, or undefined. Upper and lower case do not matter. */
export function stepTo(step: KeyStep, name: string): KeyStep | undefined {
  return step.below.get(name.toLowerCase()) ?? step.below.get('*')
}

/**
 * Tells whether the proxy looks for no further configuration keys below this node: it does not support the node's key, or the key
 * is `frontends` or `backends`.
 */
export function isEnd({ key }: KeyStep): boolean {
  return key !== undefined && isOpaque(key)
}

/** Returns the names of the children of a tree node, without the placeholder `*`. */
export function namesBelow(step: KeyStep): string[] {
  return [...step.below.values()].map(({ name }) => name).filter((name) => name !== '*')
}

/** The result of `findKey`: the node of the key tree that a path leads to. */
export interface FoundKey {
  readonly step: KeyStep
  /**
   * The parts of the path in Traefik's spelling. A name that the operator chose, such as that of an entry point, keeps its own
   * spelling.
   */
  readonly names: readonly string[]
  /** True if the path continues below this node, into fields that the key tree does not contain. */
  readonly isWithin: boolean
}

/** Finds a configuration key, or a table of keys, by its path. Upper and lower case do not matter. */
export function findKey(path: string): FoundKey | undefined {
  let step = KEY_TREE
  const names: string[] = []
  for (const given of path.split('.')) {
    if (isEnd(step)) return { step, names, isWithin: true }
    const next = given === '' ? undefined : stepTo(step, given)
    if (!next) return undefined
    names.push(next.name === '*' ? given : next.name)
    step = next
  }
  return { step, names, isWithin: false }
}
