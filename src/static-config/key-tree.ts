import { isOpaque, STATIC_KEYS, type StaticKey } from './static-keys.js'

/** A step on the way to keys: what may stand under it, by names in lower case; `*` is any name. */
export interface KeyStep {
  /** As it is written. */
  readonly name: string
  readonly key: StaticKey | undefined
  readonly below: ReadonlyMap<string, KeyStep>
}

interface GrowingStep extends KeyStep {
  key: StaticKey | undefined
  readonly below: Map<string, GrowingStep>
}

/** All keys, as the tables of a file lie in each other. */
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

/** The step to a name, in any case. */
export function stepTo(step: KeyStep, name: string): KeyStep | undefined {
  return step.below.get(name.toLowerCase()) ?? step.below.get('*')
}

/** Whether what lies below is that table's own. */
export function isEnd({ key }: KeyStep): boolean {
  return key !== undefined && isOpaque(key)
}

/** The names that may stand under a step, but for those of the file's own. */
export function namesBelow(step: KeyStep): string[] {
  return [...step.below.values()].map(({ name }) => name).filter((name) => name !== '*')
}

/** Where a path leads. */
export interface FoundKey {
  readonly step: KeyStep
  /** As names are written here; those of the file's own as given. */
  readonly names: readonly string[]
  /** Whether the path goes on into a table that is not looked into. */
  readonly isWithin: boolean
}

/** A key, or a table of keys, by its path in any case. */
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
