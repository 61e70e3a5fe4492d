import { maskCredentials } from '../base/credentials.js'
import { pathOf, quote } from '../base/messages.js'
import { suggestByEnd, suggestName } from '../base/nearest-name.js'
import { asError, type Issue, type IssueCode } from '../model/errors.js'
import { isEnd, KEY_TREE, type KeyStep, namesBelow, stepTo } from './key-tree.js'
import { isOfDocument, OLD_NAMES, STATIC_KEYS, type StaticKey } from './static-keys.js'
import { describeFound, resolveFiles, VALUE_KINDS } from './value-kinds.js'
import { whyRefused } from './ways-out.js'

/** One value, and the key that it belongs to. */
interface Setting {
  /** Undefined for a table that is not a key itself, such as `etcd.api`. */
  readonly key: StaticKey | undefined
  /** The part of the path that the operator chose, such as the name of an entry point. Undefined if the path has none. */
  readonly name: string | undefined
  readonly value: unknown
  readonly layer: Layer
}

/** The source of a value. */
export type Layer = 'file' | 'environment' | 'flags'

/** The layers in the order of their rank. Each layer overrides the layers before it. */
const LAYERS: readonly Layer[] = ['file', 'environment', 'flags']

/** The origin of a value, as messages name it. */
interface Origin {
  /** The name that messages show: a path, a flag or a variable. */
  readonly shown: string
  /** True if the source holds texts only, as flags and variables do. */
  readonly isText: boolean
  /** True if the value belongs to a field inside the key, and the proxy does not read such fields. */
  readonly isWithin?: boolean
}

type Table = Readonly<Record<string, unknown>>

/**
 * The values of a file, the environment and the flags by key, and all problems in them. Each layer overrides the one below it.
 */
export class Settings {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #values = new Map<string, Setting>()
  #layer: Layer = 'file'
  /** The paths that the current layer switches off. */
  readonly #off = new Set<string>()
  /** The document inside the file: its frontends and backends. */
  readonly document: Record<string, unknown> = {}

  /** Every value by its path. */
  get all(): ReadonlyMap<string, Setting> {
    return this.#values
  }

  /** Returns all values by their paths, in ascending order of rank. A value overrides the values before it. */
  byRank(): readonly (readonly [path: string, setting: Setting])[] {
    const rank = ([path, { layer }]: [string, Setting]) =>
      LAYERS.indexOf(layer) * 2 + Number(!OLD_NAMES.has(path))
    return [...this.#values].toSorted((a, b) => rank(a) - rank(b))
  }

  /**
   * Returns the value of a key. Older names of the key count too. The highest layer wins, and in one layer the current name
   * wins.
   */
  get<T>(path: string): T | undefined {
    let [value, rank] = [undefined as unknown, -1]
    for (const name of [path, ...oldNamesOf(path)]) {
      const found = this.#values.get(name)
      if (!found || LAYERS.indexOf(found.layer) <= rank) continue
      ;[value, rank] = [found.value, LAYERS.indexOf(found.layer)]
    }
    return value as T | undefined
  }

  /** Tells whether neither the environment nor a flag sets this path. */
  isUpToFile(path: string): boolean {
    return (this.#values.get(path)?.layer ?? 'file') === 'file'
  }

  /**
   * Takes the values of one layer. If the layer switches a table off, its other values for that table are dropped, in any
   * order.
   */
  take(layer: Layer, act: () => void): void {
    this.#layer = layer
    act()
    for (const path of this.#off) this.#remove(path)
    this.#off.clear()
  }

  /** Tells whether a table was switched on, by a value of its own or by any value in it. */
  has(path: string): boolean {
    return this.#values.has(path) || [...this.#values.keys()].some((other) => isBelow(path, other))
  }

  /** Returns the names below a table that the operator chose, in order: names of entry points, or of headers. */
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

  /** Calls a function. If it throws, the error is noted as an issue, and the result is undefined. */
  attempt<T>(path: string, act: () => T): T | undefined {
    try {
      return act()
    } catch (thrown) {
      // Some messages begin with the option's name. The issue has that name as its path already.
      const { message } = asError(thrown)
      const plain = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message
      this.issue(path, 'INVALID_VALUE', plain)
      return undefined
    }
  }

  /** Takes all values of a parsed file. */
  takeFile(content: unknown): void {
    if (isTable(content)) this.take('file', () => this.#takeTable(content, KEY_TREE, []))
    else this.issue('', 'INVALID_TYPE', `expected a table, found ${describeFound(content, 'table')}`)
  }

  #takeTable(table: Table, step: KeyStep, above: readonly string[]): void {
    const seen = new Set<string>()
    // The names of two entry points may differ in upper and lower case alone.
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
        this.issue(path, 'DUPLICATE_NAME', 'is given twice, in upper and lower case; expected one spelling')
      } else if (isTable(raw) && !isEnd(next) && (next.below.size > 0 || next.key?.kind === 'table')) {
        this.#put(names, next, true)
        this.#takeTable(raw, next, names)
      } else {
        this.put(names, next, raw, { shown: path, isText: false })
      }
      seen.add(folded(given))
    }
  }

  /** Takes one value, and notes an issue or a warning if the key cannot have it. */
  put(given: readonly string[], step: KeyStep, raw: unknown, from: Origin): void {
    const { shown, isText, isWithin = false } = from
    const { key = TABLE } = step
    const path = joined(given)
    if (isOfDocument(key)) {
      // A text from a flag or a variable would replace the whole document of the file.
      if (isText) return this.issue(shown, 'NOT_SUPPORTED', `${path} can only be set in a file, ${NO_TEXT}`)
      this.document[path] = raw
    }
    const isOff = !isWithin && (raw === false || (isText && VALUE_KINDS.table.read(raw, true) === false))
    // A value that switches a table off needs no support for the table. So it counts for unsupported tables too.
    if (isOff && (isEnd(step) || key.kind === 'table')) {
      this.#off.add(path)
      return
    }
    // The message follows the shown name. It repeats the key only if the shown name is a flag or a variable.
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

  /** Replaces paths of certificates by the files' contents, and makes all other paths absolute. */
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

/** The end of a message about a key that texts cannot set. */
const NO_TEXT = 'not by a flag or an environment variable'

/** Older names of a key. */
function oldNamesOf(path: string): string[] {
  return [...OLD_NAMES].flatMap(([old, name]) => (name === path ? [old] : []))
}

/** The key of a tree node that has no key of its own. */
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
