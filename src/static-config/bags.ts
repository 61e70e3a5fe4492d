import type { Settings } from './settings.js'

/** Options by what they are of, as keys name them: `options.timeouts.connectMs` is `timeouts.connectMs` in `options`. */
export type Bag = Record<string, unknown>

/** Of `createProxy`, of each provider, and of the fetcher of the alias provider. */
export interface Bags {
  readonly options: Bag
  readonly file: Bag
  readonly etcd: Bag
  readonly api: Bag
  readonly consul: Bag
  readonly http: Bag
}

const TARGET = /^(options|file|etcd|api|consul|http)((?:\.[\w*]+)+)$/

/** Puts every value where its key says that it belongs. */
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
    // A word that stood there (`unsupportedFields = "warn"`) came from what comes before this.
    if (typeof into[step] !== 'object') into[step] = {}
    into = into[step] as Bag
  }
  // A name of the file's own must not lead out of the bag.
  Object.defineProperty(into, last, { value, enumerable: true, configurable: true, writable: true })
}
