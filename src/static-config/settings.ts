import { maskCredentials } from '../base/credentials.js'
import { pathOf, quote } from '../base/messages.js'
import { suggestByEnd, suggestName } from '../base/nearest-name.js'
import { asError, type Issue, type IssueCode } from '../model/errors.js'
import { isEnd, KEY_TREE, type KeyStep, namesBelow, stepTo } from './key-tree.js'
import { isOfDocument, OLD_NAMES, STATIC_KEYS, type StaticKey } from './static-keys.js'
import { describeFound, resolveFiles, VALUE_KINDS } from './value-kinds.js'
import { whyRefused } from './ways-out.js'

/** One value, and the key that it is of. */
interface Setting {
  /** Undefined for a table without a meaning of its own. */
  readonly key: StaticKey | undefined
  /** The name of the file's own on the way to it, if there is one. */
  readonly name: string | undefined
  readonly value: unknown
  readonly layer: Layer
}

/** Where values come from. */
export type Layer = 'file' | 'environment' | 'flags'

/** A later one comes before those that stand here before it. */
const LAYERS: readonly Layer[] = ['file', 'environment', 'flags']

/** How messages name a value, and what is known of where it stands. */
interface From {
  /** A path, a flag, a variable. */
  readonly shown: string
  /** Whether it comes from where there is nothing but texts. */
  readonly isText: boolean
  /** Whether it is of something that lies in the key, which is not looked into. */
  readonly isWithin?: boolean
}

type Table = Readonly<Record<string, unknown>>

/** What a file, the environment and flags say, key by key, one layer over the other; and what is wrong with it. */
export class Settings {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #values = new Map<string, Setting>()
  #layer: Layer = 'file'
  /** What the layer that is being taken switches off. */
  readonly #off = new Set<string>()
  /** The document that stands in the file itself. */
  readonly document: Record<string, unknown> = {}

  /** Every value by its path. */
  get all(): ReadonlyMap<string, Setting> {
    return this.#values
  }

  /** All values by their paths, those that come before others behind them. */
  byRank(): readonly (readonly [path: string, setting: Setting])[] {
    const rank = ([path, { layer }]: [string, Setting]) =>
      LAYERS.indexOf(layer) * 2 + Number(!OLD_NAMES.has(path))
    return [...this.#values].toSorted((a, b) => rank(a) - rank(b))
  }

  /** A value by its path; whichever comes first of it and of those with a name of old for the same. */
  get<T>(path: string): T | undefined {
    let [value, rank] = [undefined as unknown, -1]
    for (const name of [path, ...oldNamesOf(path)]) {
      const found = this.#values.get(name)
      if (!found || LAYERS.indexOf(found.layer) <= rank) continue
      ;[value, rank] = [found.value, LAYERS.indexOf(found.layer)]
    }
    return value as T | undefined
  }

  /** Whether the file alone says a value, if anybody does. */
  isUpToFile(path: string): boolean {
    return (this.#values.get(path)?.layer ?? 'file') === 'file'
  }

  /** Takes what one layer says. What it switches off is off, whatever else it says of that, in any order. */
  take(layer: Layer, act: () => void): void {
    this.#layer = layer
    act()
    for (const path of this.#off) this.#remove(path)
    this.#off.clear()
  }

  /** Whether a table was switched on, by itself or by anything in it. */
  has(path: string): boolean {
    return this.#values.has(path) || [...this.#values.keys()].some((other) => isBelow(path, other))
  }

  /** The file's own names under a table, in order: of entry points, of headers. */
  namesUnder(path: string): string[] {
    const all = [...this.#values].filter(([other]) => isBelow(path, other))
    return [...new Set(all.flatMap(([, { name }]) => name ?? []))]
  }

  issue(path: string, code: IssueCode, message: string): void {
    this.issues.push({ path, code, message: maskCredentials(message) })
  }

  warn(path: string, message: string, code: IssueCode = 'NOT_SUPPORTED'): void {
    this.warnings.push({ path, code, message: maskCredentials(message) })
  }

  /** What fails with an error is an issue. */
  attempt<T>(path: string, act: () => T): T | undefined {
    try {
      return act()
    } catch (thrown) {
      // Some say themselves whose options they speak of.
      const { message } = asError(thrown)
      const plain = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message
      this.issue(path, 'INVALID_VALUE', plain)
      return undefined
    }
  }

  /** Takes all that a parsed file says. */
  takeFile(content: unknown): void {
    if (isTable(content)) this.take('file', () => this.#takeTable(content, KEY_TREE, []))
    else this.issue('', 'INVALID_TYPE', `expected a table, found ${describeFound(content, 'table')}`)
  }

  #takeTable(table: Table, step: KeyStep, above: readonly string[]): void {
    const seen = new Set<string>()
    // Two entry points may differ in case alone.
    const folded = (name: string) => (step.name === 'entryPoints' ? name : name.toLowerCase())
    for (const [given, raw] of Object.entries(table)) {
      const next = stepTo(step, given)
      const names = [...above, next && next.name !== '*' ? next.name : given]
      const path = joined(names)
      if (!next) {
        const nearest = suggestName(given, namesBelow(step)) || suggestByEnd(given, [...STATIC_KEYS.keys()])
        const message = `there is no key ${quote(given)} here${nearest}`
        this.issue(path, 'UNKNOWN_FIELD', message)
      } else if (seen.has(folded(given))) {
        this.issue(path, 'DUPLICATE_NAME', 'stands twice, in different case; expected one')
      } else if (isTable(raw) && !isEnd(next) && (next.below.size > 0 || next.key?.kind === 'table')) {
        this.#put(names, next, true)
        this.#takeTable(raw, next, names)
      } else {
        this.put(names, next, raw, { shown: path, isText: false })
      }
      seen.add(folded(given))
    }
  }

  /** Takes one value. */
  put(given: readonly string[], step: KeyStep, raw: unknown, from: From): void {
    const { shown, isText, isWithin = false } = from
    const { key = TABLE } = step
    const path = joined(given)
    if (isOfDocument(key)) {
      // They would take the place of all that the file has.
      if (isText) return this.issue(shown, 'NOT_SUPPORTED', `${path} stand in a file; ${NO_TEXT}`)
      this.document[path] = raw
    }
    const isOff = !isWithin && (raw === false || (isText && VALUE_KINDS.table.read(raw, true) === false))
    // What is switched off asks for nothing.
    if (isOff && (isEnd(step) || key.kind === 'table')) {
      this.#off.add(path)
      return
    }
    // The message stands behind what is shown.
    const unbuilt = `${shown === path ? 'this key' : path} of Traefik is not supported yet`
    if (key.becomes === 'refused')
      return this.issue(shown, 'NOT_SUPPORTED', `${unbuilt}${whyRefused(key.path)}`)
    if (key.becomes === 'later') return this.warn(shown, `${unbuilt}: ignored`)
    const value = isTable(raw) && isEnd(step) ? true : VALUE_KINDS[key.kind].read(raw, isText)
    if (value !== undefined) return this.#put(given, step, value)
    const { expected } = VALUE_KINDS[key.kind]
    this.issue(shown, 'INVALID_VALUE', `expected ${expected}, found ${describeFound(raw, key.kind)}`)
  }

  #put(names: readonly string[], { key }: KeyStep, value: unknown): void {
    const name = names.find((_, place) => isOwnName(names, place))
    this.#values.set(joined(names), { key, name, value, layer: this.#layer })
  }

  #remove(path: string): void {
    for (const other of [...this.#values.keys()])
      if (other === path || isBelow(path, other)) this.#values.delete(other)
  }

  /** Turns paths of certificates into what stands there, and all other paths into full ones. */
  async resolveFiles(folder: string): Promise<void> {
    for (const [path, setting] of this.#values) {
      const { key, value } = setting
      if (!key) continue
      try {
        this.#values.set(path, { ...setting, value: await resolveFiles(value, key.kind, folder) })
      } catch (thrown) {
        this.issue(path, 'INVALID_VALUE', `cannot be read: ${asError(thrown).message}`)
        this.#values.delete(path)
      }
    }
  }
}

/** Of what no flag or variable can say. */
const NO_TEXT = 'no flag and no variable says them'

/** The names of old of a key. */
function oldNamesOf(path: string): string[] {
  return [...OLD_NAMES].flatMap(([old, name]) => (name === path ? [old] : []))
}

/** As what a step without a key counts. */
const TABLE: StaticKey = { path: '', kind: 'table', becomes: '' }

function isOwnName(names: readonly string[], place: number): boolean {
  let step: KeyStep | undefined = KEY_TREE
  for (const name of names.slice(0, place)) step = step && stepTo(step, name)
  const next = step?.below.get(names[place]?.toLowerCase() ?? '')
  return step !== undefined && (next === undefined || next.name === '*')
}

function joined(names: readonly string[]): string {
  return names.reduce(pathOf, '')
}

function isBelow(path: string, other: string): boolean {
  return other.startsWith(`${path}.`) || other.startsWith(`${path}[`)
}

function isTable(value: unknown): value is Table {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
