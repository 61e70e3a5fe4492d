import { types } from 'node:util'
import { asksForNothing } from '../base/asks-for-nothing.js'
import { describeValue, pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { parseDuration } from '../base/parse-duration.js'
import { nullRecord } from '../base/records.js'
import type {
  Field,
  Flaws,
  NamedField,
  NumberField,
  ObjectField,
  OwnField,
  TextField,
} from '../base/schema.js'
import type { Issue, IssueCode } from '../model/errors.js'
import { flawOfName, isLongName, tooLong } from './names.js'
import { type UnsupportedPolicy, unsupportedPolicy } from './unsupported-fields.js'

/** Unknown fields of one object that are named one by one. A megabyte of them took a second of the event loop. */
const MAX_UNKNOWN = 100

/** Node's timers fire at once beyond it. */
const MAX_DURATION_MS = 2 ** 31 - 1

type Values = Readonly<Record<string, unknown>>

/**
 * Reads values of any shape by their schema: copies what is right, and notes what is wrong. While there are issues the
 * copies have gaps, and no caller uses them.
 */
export class SchemaReader {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #unsupported: UnsupportedPolicy
  readonly #host: never

  /**
   * @param host what the checks of the schema expect
   * @param unsupported decides on fields that are not built yet. Default: each is an issue
   */
  constructor(host: unknown, unsupported: UnsupportedPolicy = unsupportedPolicy()) {
    this.#host = host as never
    this.#unsupported = unsupported
  }

  note(path: string, code: Issue['code'], message: string): void {
    this.issues.push({ path, code, message })
  }

  /** Returns the copy of a field's value. It is undefined for a value that is absent, off or wrong. */
  read(field: Field, value: unknown, path: string): unknown {
    return isOff(field, value) ? this.#absent(field, value, path) : this.readValue(field, value, path)
  }

  /** Returns the copy of a value that cannot be off, such as a frontend under its name. It is undefined for a wrong value. */
  readValue(field: Field, value: unknown, path: string): unknown {
    switch (field.kind) {
      case 'text':
        return this.#text(field, value, path)
      case 'number':
        return this.#number(field, value, path)
      case 'flag':
        return typeof value === 'boolean' ? value : this.#wrong(path, 'true or false', value)
      case 'duration':
        return this.#duration(value, path)
      case 'choice':
        return this.#choice(field.of, value, path)
      case 'list':
        return this.#list(value, path, (texts) => field.check?.(texts, this.#host))
      case 'named':
        return this.#named(field, value, path)
      case 'object':
        return this.#object(field, value, path)
      case 'own':
        return this.#own(field, value, path)
      case 'later':
        return undefined
    }
  }

  /** The entries of an object whose keys are names; undefined for an entry whose key is no name. */
  *names(value: unknown, path: string): Generator<readonly [name: string, value: unknown] | undefined, void> {
    if (!isObject(value)) {
      this.note(path, 'INVALID_TYPE', `expected an object with names as keys, found ${describe(value)}`)
      return
    }
    for (const name of Object.keys(value)) {
      const flaw = flawOfName(name)
      if (flaw) this.note(pathOf(path, name), 'INVALID_NAME', `the name ${quote(name)} ${flaw}`)
      yield flaw ? undefined : [name, (value as Values)[name]]
    }
  }

  /** The own fields of an object, as they are; each that the schema does not have is noted. */
  fields(field: ObjectField, value: unknown, path: string): Values | undefined {
    if (!isObject(value)) {
      this.note(path, 'INVALID_TYPE', `expected an object, found ${describe(value)}`)
      return undefined
    }
    const found = nullRecord<unknown>()
    let unknown = 0
    for (const name of Object.keys(value)) {
      const known = Object.hasOwn(field.fields, name) ? field.fields[name] : undefined
      if (known?.kind === 'later') this.#laterField(pathOf(path, name), name, value)
      else if (known) found[name] = (value as Values)[name]
      else {
        unknown += 1
        if (unknown <= MAX_UNKNOWN) this.#unknownField(field, name, path)
      }
    }
    if (unknown > MAX_UNKNOWN)
      this.note(path, 'UNKNOWN_FIELD', `there are ${unknown - MAX_UNKNOWN} more unknown fields here`)
    this.#refuseHidden(field, value, path)
    return found
  }

  #object(field: ObjectField, value: unknown, path: string): unknown {
    const found = this.fields(field, value, path)
    if (!found) return undefined
    const copy: Record<string, unknown> = {}
    const given: Record<string, unknown> = {}
    for (const name in field.fields) {
      const one = field.fields[name] as Field
      if (!isOff(one, found[name])) given[name] = found[name]
      const read = this.read(one, found[name], pathOf(path, name))
      if (read !== undefined) copy[name] = read
    }
    this.#check(field.check?.(given, this.#host), path)
    return copy
  }

  #absent(field: Field, value: unknown, path: string): undefined {
    if (field.kind === 'later' || !field.required) return undefined
    const { code = 'MISSING_FIELD', expected } = field.required
    const found = value === undefined ? 'nothing' : describe(value)
    this.note(path, code as IssueCode, `expected ${expected}, found ${found}`)
    return undefined
  }

  #text(field: TextField, given: unknown, path: string): string | undefined {
    const value = field.takesNumbers && typeof given === 'number' ? String(given) : given
    if (typeof value !== 'string') return this.#wrong(path, 'a text', value)
    if (field.isName && isLongName(value)) {
      this.note(path, 'INVALID_VALUE', tooLong(value))
      return undefined
    }
    if (field.pattern && !field.pattern.test(value)) {
      this.note(path, 'INVALID_VALUE', `expected ${field.expected}, found ${quote(value)}`)
      return undefined
    }
    this.#check(field.check?.(value, this.#host), path)
    return value
  }

  #number({ isWhole, least, most, expected }: NumberField, value: unknown, path: string): number | undefined {
    if (typeof value !== 'number') return this.#wrong(path, expected, value)
    const holds =
      (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
      value >= (least ?? Number.NEGATIVE_INFINITY) &&
      value <= (most ?? Number.POSITIVE_INFINITY)
    if (holds) return value
    this.note(path, 'INVALID_VALUE', `expected ${expected}, found ${describeValue(value)}`)
    return undefined
  }

  #duration(value: unknown, path: string): string | number | undefined {
    const ms = parseDuration(value) ?? 0
    if (ms > 0 && ms <= MAX_DURATION_MS) return value as string | number
    const expected = 'expected a duration above 0, like "10s"; a bare number is seconds'
    this.note(path, 'INVALID_VALUE', `${expected}; found ${describeValue(value)}`)
    return undefined
  }

  #choice(of: readonly string[], value: unknown, path: string): string | undefined {
    if (of.includes(value as string)) return value as string
    this.note(path, 'INVALID_VALUE', `expected one of ${of.join(', ')}, found ${describeValue(value)}`)
    return undefined
  }

  #list(
    value: unknown,
    path: string,
    check: (texts: readonly string[]) => Flaws,
  ): readonly string[] | undefined {
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
      return this.#wrong(path, 'a list of at least one text', value)
    for (const [index, item] of value.entries())
      if (isLongName(item)) this.note(`${path}[${index}]`, 'INVALID_VALUE', tooLong(item))
    this.#check(check(value), path)
    return [...value]
  }

  #named(field: NamedField, value: unknown, path: string): unknown {
    const copy = nullRecord<unknown>()
    const isEach = field.of.kind === 'object'
    for (const entry of this.names(value, path)) {
      if (!entry) continue
      const [name, given] = entry
      const at = pathOf(path, name)
      const read = isEach ? this.readValue(field.of, given, at) : this.read(field.of, given, at)
      this.#check(field.check?.(name, read as never, this.#host), at)
      if (read !== undefined || isEach) copy[name] = read
    }
    return copy
  }

  #own(field: OwnField, value: unknown, path: string): unknown {
    if (!field.is(value)) return this.#wrong(path, field.expected, value)
    const before = this.issues.length
    this.#check(field.check?.(value as never, this.#host), path)
    if (this.issues.length > before && typeof value === 'object') return undefined
    return typeof value === 'object' ? structuredClone(value) : value
  }

  #wrong(path: string, expected: string, value: unknown): undefined {
    this.note(path, 'INVALID_TYPE', `expected ${expected}, found ${describe(value)}`)
    return undefined
  }

  #check(flaws: Flaws, path: string): void {
    if (flaws === undefined) return
    if (typeof flaws === 'string') return this.note(path, 'INVALID_VALUE', flaws)
    for (const { code, message, below = '' } of flaws) this.note(path + below, code as IssueCode, message)
  }

  #laterField(path: string, name: string, fields: object): void {
    const value = valueIn(fields, name)
    if (asksForNothing(value)) return
    const { isLeftOut, issue } = this.#unsupported(path, name, value)
    const told = isLeftOut ? this.warnings : this.issues
    told.push(issue)
  }

  #unknownField({ fields }: ObjectField, name: string, path: string): void {
    const suggestion = suggestName(name, Object.keys(fields))
    this.note(pathOf(path, name), 'UNKNOWN_FIELD', `there is no field ${quote(name)} here${suggestion}`)
  }

  /** Notes fields that are inherited or not enumerable. They are not read, and a guard among them would be missing. */
  #refuseHidden({ fields }: ObjectField, value: object, path: string): void {
    for (const name in fields) {
      if (!(name in value) || isEnumerable(value, name) || name in Object.prototype) continue
      const found = Object.hasOwn(value, name) ? 'not enumerable' : 'inherited'
      const message = `expected an own, enumerable field, found one that is ${found}`
      this.note(pathOf(path, name), 'INVALID_TYPE', message)
    }
  }
}

/** Whether a value asks for nothing at its field: it counts as absent. */
function isOff(field: Field, value: unknown): boolean {
  if (value === undefined || value === null) return true
  switch (field.kind) {
    case 'text':
    case 'duration':
    case 'choice':
    case 'own':
      return value === ''
    case 'list':
      return value === '' || value === false || (Array.isArray(value) && value.length === 0)
    case 'named':
      return value === '' || value === false
    case 'object':
      return value === '' || value === false || (!field.isOnWhenEmpty && isEmptyObject(field, value))
    default:
      return false
  }
}

/** Whether an object holds known fields alone, and nothing in them asks for anything. */
function isEmptyObject({ fields }: ObjectField, value: unknown): boolean {
  return (
    asksForNothing(value) &&
    isObject(value) &&
    Object.keys(value).every((name) => Object.hasOwn(fields, name))
  )
}

/** Whether a value has fields. Entries of a map or set would be left out silently; a date of TOML has none. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && kindOf(value) === undefined
}

function kindOf(value: object): string | undefined {
  if (types.isMap(value)) return 'a Map'
  if (types.isSet(value)) return 'a Set'
  return types.isDate(value) ? 'a date' : undefined
}

function describe(value: unknown): string {
  return (typeof value === 'object' && value !== null && kindOf(value)) || describeValue(value)
}

function isEnumerable(value: object, name: string): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, name)
}

/** A value that cannot be read may ask for anything. */
function valueIn(fields: object, name: string): unknown {
  try {
    return (fields as Values)[name]
  } catch {
    return true
  }
}
