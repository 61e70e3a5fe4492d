import { maskCredentials } from '../base/credentials.js'
import { pathOf, quote } from '../base/messages.js'
import { suggestByEnd, suggestName } from '../base/nearest-name.js'
import { isRecord } from '../base/records.js'
import { asError, type Issue, type IssueCode } from '../model/errors.js'
import type { StaticKey } from '../validation/static-keys/static-key.js'
import { isOfDocument, oldNamesOf, STATIC_KEYS } from '../validation/static-keys/static-keys.js'
import { isEnd, KEY_TREE, type KeyStep, namesBelow, stepTo } from './key-tree.js'
import { defaultOf, describeFound, resolveFiles, VALUE_KINDS } from './value-kinds.js'

/** The value of a configuration key, with the source of the value. */
interface Setting {
  /** The definition of the configuration key. Undefined for a table that has no definition of its own, such as `etcd.api`. */
  readonly key: StaticKey | undefined
  /** The part of the path that the operator chose, such as the name of an entry point. Undefined if the path has none. */
  readonly name: string | undefined
  readonly value: unknown
  readonly layer: Layer
}

/** The source of a value of the static configuration. */
export type Layer = 'file' | 'environment' | 'flags'

/** The sources of values, by ascending precedence: flags override the environment, and both override the file. */
const LAYERS: readonly Layer[] = ['file', 'environment', 'flags']

/** The source of one value, as error messages describe it. */
interface Origin {
  /** The name of the source in error messages: the path of a configuration key, a flag or an environment variable. */
  readonly shown: string
  /** True if the source of the value holds only strings, as flags and environment variables do. */
  readonly isText: boolean
  /** True if the value belongs to a field inside the configuration key, and the proxy does not read such fields. */
  readonly isWithin?: boolean
}

type Table = Readonly<Record<string, unknown>>

/**
 * Collects the values of all configuration keys, and the errors and warnings in them. There are three layers: the file, the
 * environment and the flags. A later layer overrides an earlier one.
 */
export class Settings {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #values = new Map<string, Setting>()
  #layer: Layer = 'file'
  /** The paths of the tables that the current layer (file, environment or flags) disables by `false`. */
  readonly #off = new Set<string>()
  /** The part of the file that is a configuration document: the tables `frontends` and `backends`. */
  readonly document: Record<string, unknown> = {}

  /** All values, by the path of the configuration key. */
  get all(): ReadonlyMap<string, Setting> {
    return this.#values
  }

  /**
   * Returns all values with the paths of their configuration keys, by ascending precedence. A value overrides those before it.
   */
  byRank(): readonly (readonly [path: string, setting: Setting])[] {
    const rank = ([, { layer, key }]: [string, Setting]) =>
      LAYERS.indexOf(layer) * 2 + Number(key?.oldNameOf === undefined)
    return [...this.#values].toSorted((a, b) => rank(a) - rank(b))
  }

  /**
   * Returns the value of a configuration key, also if an older name of the key set it. Flags override the environment, which
   * overrides the file. Within each of the three, the current name overrides an older one.
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

  /** Returns the value of a configuration key like `get`, or its default if no value is set. The key must have a default. */
  getOrDefault<T>(path: string): T {
    return this.get(path) ?? defaultOf(path)
  }

  /** Tells whether the environment and the flags leave this path unset. The file may set it. */
  isUpToFile(path: string): boolean {
    return (this.#values.get(path)?.layer ?? 'file') === 'file'
  }

  /**
   * Takes the values of one layer: the file, the environment or the flags. The function `act` adds the values. If the layer sets
   * a table to `false`, every other value of the table is removed, also values of earlier layers.
   */
  take(layer: Layer, act: () => void): void {
    this.#layer = layer
    act()
    for (const path of this.#off) this.#remove(path)
    this.#off.clear()
  }

  /** Tells whether a table of the configuration is enabled: a value is set for the table itself, or for any key in it. */
  has(path: string): boolean {
    return this.#values.has(path) || [...this.#values.keys()].some((other) => isBelow(path, other))
  }

  /** Returns the names below a table that the operator chose, such as the names of entry points or of headers. */
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

  /**
   * Calls a function and returns its result. If the function throws, reports an error for the configuration key at `path`, and
   * returns undefined.
   */
  attempt<T>(path: string, act: () => T): T | undefined {
    try {
      return act()
    } catch (thrown) {
      // Removes the option's name from the beginning of a message. The reported error already has that name as `path`.
      const { message } = asError(thrown)
      const plain = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message
      this.issue(path, 'INVALID_VALUE', plain)
      return undefined
    }
  }

  /** Takes all values from the parsed content of the configuration file. */
  takeFile(content: unknown): void {
    if (isRecord(content)) this.take('file', () => this.#takeTable(content, KEY_TREE, []))
    else this.issue('', 'INVALID_TYPE', `expected a table, found ${describeFound(content, 'table')}`)
  }

  #takeTable(table: Table, step: KeyStep, above: readonly string[]): void {
    const seen = new Set<string>()
    // Entry points keep the case of their names, because two names may differ only in case. Other names are compared in lower
    // case.
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
      } else if (isRecord(raw) && !isEnd(next) && (next.below.size > 0 || next.key?.kind === 'table')) {
        this.#put(names, next, true)
        this.#takeTable(raw, next, names)
      } else {
        this.put(names, next, raw, { shown: path, isText: false })
      }
      seen.add(folded(given))
    }
  }

  /** Stores the value of a configuration key. If the key cannot have this value, reports an error or a warning instead. */
  put(given: readonly string[], step: KeyStep, raw: unknown, from: Origin): void {
    const { shown, isText, isWithin = false } = from
    const { key = TABLE } = step
    const path = joined(given)
    if (isOfDocument(key)) {
      // Refuses `frontends` and `backends` from flags and environment variables, because the string would replace all frontends
      // or backends of the file.
      if (isText) return this.issue(shown, 'NOT_SUPPORTED', `${path} can only be set in a file, ${NO_TEXT}`)
      this.document[path] = raw
    }
    const isOff = !isWithin && (raw === false || (isText && VALUE_KINDS.table.read(raw, true) === false))
    // Accepts `false` for a table, or for a configuration key that is not supported. The proxy needs no support for what is
    // disabled.
    if (isOff && (isEnd(step) || key.kind === 'table')) {
      this.#off.add(path)
      return
    }
    // The message is shown after the name `shown`. If this name is a flag or an environment variable, the message also names the
    // configuration key.
    const unbuilt = `${shown === path ? 'this key' : path} of Traefik is not supported yet`
    const guards = key.guard === undefined ? '' : ', and it guards'
    if (key.becomes === 'refused')
      return this.issue(shown, 'NOT_SUPPORTED', `${unbuilt}${guards}: ${key.wayOut}`)
    if (key.becomes === 'later') return this.warn(shown, `${unbuilt}: ignored`)
    const value = isRecord(raw) && isEnd(step) ? true : VALUE_KINDS[key.kind].read(raw, isText)
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

  /** Replaces the path of each PEM file (certificate or key) by the content of the file. Makes all other paths absolute. */
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

/** The last words of an error message about a configuration key that flags and environment variables cannot set. */
const NO_TEXT = 'not by a flag or an environment variable'

/** Stands in for the definition of a configuration table that has none of its own, such as `etcd.api`. */
const TABLE: StaticKey = { path: '', kind: 'table', becomes: '', meaning: '', reload: 'restart' }

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
