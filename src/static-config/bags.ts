import type { Settings } from './settings.js'

/**
 * Options as nested objects, built from the values of keys. The row of a key names its place: `options.timeouts.connectMs` is
 * the field `timeouts.connectMs` of the bag `options`.
 */
export type Bag = Record<string, unknown>

/** The options of `createProxy`, of each provider, and of the alias provider's fetcher (`api`). */
export interface Bags {
  readonly options: Bag
  readonly file: Bag
  readonly etcd: Bag
  readonly api: Bag
  readonly consul: Bag
  readonly http: Bag
}

const TARGET = /^(options|file|etcd|api|consul|http)((?:\.[\w*]+)+)$/

/** Puts the value of each static key into the bag and the field that its row in `STATIC_KEYS` names. */
export function fillBags(settings: Settings): Bags {
  const bags: Bags = { options: {}, file: {}, etcd: {}, api: {}, consul: {}, http: {} }
  for (const [, { key, name = '', value }] of settings.byRank()) {
    const [, bag = '', path = ''] = TARGET.exec(key?.becomes ?? '') ?? []
    if (bag === '' || key?.kind === 'table') continue
    const steps = path.slice(1).split('.')
    put(
      bags[bag as keyof Bags],
      steps.map((step) => (step === '*' ? name : step)),
      value,
    )
  }
  return bags
}

function put(bag: Bag, steps: readonly string[], value: unknown): void {
  const last = steps.at(-1) as string
  let into = bag
  for (const step of steps.slice(0, -1)) {
    // A lower layer may have set a text here (`unsupportedFields = "warn"`). The table of a higher layer replaces it.
    if (typeof into[step] !== 'object') into[step] = {}
    into = into[step] as Bag
  }
  // The last step may be a name from the file, such as `__proto__`. `defineProperty` creates an own field and never calls a
  // setter.
  Object.defineProperty(into, last, { value, enumerable: true, configurable: true, writable: true })
}
