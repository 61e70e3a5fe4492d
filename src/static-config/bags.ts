import type { Settings } from './settings.js'

/**
 * An object of options, such as the options of `createProxy`. Options may be nested objects. If the definition of a configuration
 * key names `options.timeouts.connectMs`, the value goes to the field `timeouts.connectMs` of the object `options`.
 */
export type Bag = Record<string, unknown>

/**
 * The option objects that the static configuration fills: `options` for `createProxy`, `api` for the fetcher of the alias
 * provider, and one for each provider.
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
 * Collects the values of the static configuration in option objects. For each configuration key, `STATIC_KEYS` names the object
 * and the field.
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
    // Creates the nested object, also if the field has a string. The file may say `unsupportedFields = "warn"` while a flag sets
    // the field `unsupportedFields.warn`.
    if (typeof into[step] !== 'object') into[step] = {}
    into = into[step] as Bag
  }
  // Creates an own field by `defineProperty`, which never calls a setter. A plain assignment would call one if the file names the
  // field `__proto__`.
  Object.defineProperty(into, last, { value, enumerable: true, configurable: true, writable: true })
}
