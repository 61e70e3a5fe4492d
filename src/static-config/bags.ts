import type { Settings } from './settings.js'

/**
 * An object of options, such as the options of `createProxy`. Options may be nested objects. The value of a key with
 * `becomes: 'options.timeouts.connectMs'` goes to the field `timeouts.connectMs` of the bag `options`.
 */
export type Bag = Record<string, unknown>

/**
 * All option objects that the static configuration fills. `options` is for `createProxy`, `api` for the fetcher of the alias
 * provider, and each other one for the provider of its name.
 */
export interface Bags {
  readonly options: Bag
  readonly file: Bag
  readonly etcd: Bag
  readonly api: Bag
  readonly consul: Bag
  readonly http: Bag
}

const TARGET = /^(options|file|etcd|api|consul|http)((?:\.[\w*]+)+)$/

/**
 * Collects the values of the static configuration in option objects. For each key, `STATIC_KEYS` names the object and the field.
 */
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
    // A layer of lower precedence (the file, below environment and flags) may have set a string here, such as
    // `unsupportedFields = "warn"`. An object from a higher layer replaces the string.
    if (typeof into[step] !== 'object') into[step] = {}
    into = into[step] as Bag
  }
  // Creates an own field by `defineProperty`, which never calls a setter. A plain assignment would call one if the file names the
  // field `__proto__`.
  Object.defineProperty(into, last, { value, enumerable: true, configurable: true, writable: true })
}
