import { isOpaque, STATIC_KEYS, type StaticKey } from './static-keys.js'

/** A node of the tree of keys. `below` holds its children by their names in lower case. The name `*` stands for any name. */
export interface KeyStep {
  /** The name in Traefik's spelling. */
  readonly name: string
  readonly key: StaticKey | undefined
  readonly below: ReadonlyMap<string, KeyStep>
}

interface GrowingStep extends KeyStep {
  key: StaticKey | undefined
  readonly below: Map<string, GrowingStep>
}

/** All keys as a tree, nested like the tables of a file. */
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

/** Finds the child of a node by its name. Upper and lower case do not matter. */
export function stepTo(step: KeyStep, name: string): KeyStep | undefined {
  return step.below.get(name.toLowerCase()) ?? step.below.get('*')
}

/** Tells whether the proxy does not read the fields below this key. */
export function isEnd({ key }: KeyStep): boolean {
  return key !== undefined && isOpaque(key)
}

/** The names that may stand below a node, without the placeholder `*`. */
export function namesBelow(step: KeyStep): string[] {
  return [...step.below.values()].map(({ name }) => name).filter((name) => name !== '*')
}

/** The node that a path leads to. */
export interface FoundKey {
  readonly step: KeyStep
  /**
   * The names on the path in Traefik's spelling. Names that the operator chooses, such as those of entry points, keep their
   * spelling.
   */
  readonly names: readonly string[]
  /** True if the path goes on into a table whose fields the proxy does not read. */
  readonly isWithin: boolean
}

/** Finds a key, or a table of keys, by its path. Upper and lower case do not matter. */
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
