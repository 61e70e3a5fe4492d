import { asksForNothing } from '../base/asks-for-nothing.js'
import type {
  About,
  Field,
  Flaws,
  ListField,
  NamedField,
  ObjectField,
  OwnField,
  TextField,
} from '../base/field-kinds.js'
import { pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { nullRecord } from '../base/records.js'
import { holdsSecret } from '../base/schema.js'
import type { Issue, IssueCode } from '../model/errors.js'
import { isOff } from './is-off.js'
import { flawOfName, isLongName, tooLong } from './names.js'
import { clone, describe, describeSecret, hiddenAs, isObject, valueIn } from './plain-objects.js'
import { flawOfChoice, flawOfCount, flawOfDuration, flawOfNumber } from './scalars.js'
import { type UnsupportedPolicy, unsupportedPolicy } from './unsupported-fields.js'
import { nameOnce, spelledTwice } from './with-field-case.js'

/**
 * The most unknown fields of one object that are noted one by one, each with the nearest known name. A megabyte of unknown fields
 * took a second in one turn of the event loop.
 */
const MAX_UNKNOWN = 100

const TWICE = 'stands twice, in tables of two spellings or in two spellings itself; expected it once'

type Values = Readonly<Record<string, unknown>>

/**
 * Reads values of any shape by their schema. It copies what is right and notes what is wrong. If there are issues, the copies
 * have gaps and are thrown away.
 */
export class SchemaReader {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #unsupported: UnsupportedPolicy
  readonly #host: never

  /**
   * @param host what the checks of the schema look names up in
   * @param unsupported decides what happens to fields that are not built yet. By default each is an issue.
   */
  constructor(host: unknown, unsupported: UnsupportedPolicy = unsupportedPolicy()) {
    this.#host = host as never
    this.#unsupported = unsupported
  }

  /** Notes what is wrong at a path. */
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
        if (typeof value !== 'number') return this.#wrong(field, path, field.expected, value)
        return this.#unless(flawOfNumber(field, value), value, path)
      case 'flag':
        return typeof value === 'boolean' ? value : this.#wrong(field, path, 'true or false', value)
      case 'duration':
        return this.#unless(flawOfDuration(value), value, path)
      case 'choice':
        return this.#unless(flawOfChoice(field.of, value), value, path)
      case 'list':
        return this.#list(field, value, path)
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

  /** Yields the entries of an object whose keys are names. It yields undefined for an entry whose key is no valid name. */
  *names(
    field: NamedField,
    value: unknown,
    path: string,
  ): Generator<readonly [name: string, value: unknown] | undefined, void> {
    if (!isObject(value)) return this.#wrong(field, path, 'an object with names as keys', value)
    for (const name of Object.keys(value)) {
      const flaw = flawOfName(name)
      if (flaw) this.note(pathOf(path, name), 'INVALID_NAME', `the name ${quote(name)} ${flaw}`)
      const once = nameOnce(name, value)
      if (once !== undefined) this.note(pathOf(path, once), 'DUPLICATE_NAME', TWICE)
      yield flaw || once !== undefined ? undefined : [name, (value as Values)[name]]
    }
  }

  /** Returns the own fields of an object as they are. It notes a value that is no object, and fields that the schema lacks. */
  fields(field: ObjectField, value: unknown, path: string): Values | undefined {
    if (!isObject(value)) return this.#wrong(field, path, 'an object', value)
    const found: Record<string, unknown> = {}
    let unknown = 0
    for (const name of Object.keys(value)) {
      const known = field.fields[name]
      if (known?.kind === 'later') this.#laterField(pathOf(path, name), name, value)
      else if (known) found[name] = (value as Values)[name]
      else {
        unknown += 1
        if (unknown <= MAX_UNKNOWN) this.#unknownField(field, name, value, path)
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
    // The checks of several fields together see what asks for something, even where it is wrong.
    const given: Record<string, unknown> | undefined = field.check && {}
    for (const [name, one] of field.entries) {
      const raw = found[name]
      if (raw === undefined && !(one as About).required) continue
      const at = path === '' ? name : `${path}.${name}`
      const isAbsent = isOff(one, raw)
      const read = isAbsent ? this.#absent(one, raw, at) : this.readValue(one, raw, at)
      if (read !== undefined) copy[name] = read
      if (given && !isAbsent) given[name] = raw
    }
    if (given) this.#check(field.check?.(given, this.#host, copy), path)
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
    if (typeof value !== 'string') return this.#wrong(field, path, 'a text', value)
    const flaw = field.isName && isLongName(value) ? tooLong(value) : undefined
    if (flaw === undefined && (!field.pattern || field.pattern.test(value))) {
      this.#check(field.check?.(value, this.#host), path)
      return value
    }
    const found = field.isSecret ? describeSecret(value) : quote(value)
    this.note(path, 'INVALID_VALUE', flaw ?? `expected ${field.expected}, found ${found}`)
    return undefined
  }

  #list(field: ListField, value: unknown, path: string): readonly string[] | undefined {
    // A copy, in which a gap of the list is an item that is undefined.
    const texts = Array.isArray(value) ? [...value] : []
    if (texts.length === 0 || !texts.every((item) => typeof item === 'string'))
      return this.#wrong(field, path, 'a list of at least one text', value)
    for (const [index, item] of texts.entries())
      if (isLongName(item)) this.note(`${path}[${index}]`, 'INVALID_VALUE', tooLong(item))
    this.#check(field.check?.(texts, this.#host), path)
    return texts
  }

  #named(field: NamedField, value: unknown, path: string): unknown {
    const copy = nullRecord<unknown>()
    const isEach = field.of.kind === 'object'
    const flaw = flawOfCount(field, value)
    if (flaw !== undefined) return this.#unless(flaw, value, path)
    for (const entry of this.names(field, value, path)) {
      if (!entry) continue
      const [name, given] = entry
      const at = pathOf(path, name)
      const read = isEach ? this.readValue(field.of, given, at) : this.read(field.of, given, at)
      this.#check(field.check?.(name, read as never, this.#host), at)
      if (read !== undefined || isEach) copy[name] = read
    }
    // Hooks and matchers of the embedding application get labels as they are, and must not change them.
    return isEach ? copy : Object.freeze(copy)
  }

  #own(field: OwnField, value: unknown, path: string): unknown {
    if (!field.is(value)) return this.#wrong(field, path, field.expected, value)
    const before = this.issues.length
    this.#check(field.check?.(value as never, this.#host), path)
    if (typeof value !== 'object') return value
    const { copy, flaw } = clone(value)
    return this.issues.length > before ? undefined : this.#unless(flaw, copy, path)
  }

  /** Returns a value that has no flaw, and notes the flaw of any other. */
  #unless(flaw: string | undefined, value: unknown, path: string): unknown {
    if (flaw === undefined) return value
    this.note(path, 'INVALID_VALUE', flaw)
    return undefined
  }

  #wrong(field: Field, path: string, expected: string, value: unknown): undefined {
    // A text in the place of a whole object may be the object, written as text. A number there is no secret.
    const mayHold = field.kind === 'text' || field.kind === 'own' || typeof value === 'string'
    const found = mayHold && holdsSecret(field) ? describeSecret(value) : describe(value)
    this.note(path, 'INVALID_TYPE', `expected ${expected}, found ${found}`)
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
    const { isLeftOut, issue } = this.#unsupported(path, name)
    const noted = isLeftOut ? this.warnings : this.issues
    noted.push(issue)
  }

  #unknownField(field: ObjectField, name: string, among: object, path: string): void {
    const twice = spelledTwice(field, name, among)
    if (twice !== undefined) {
      return this.note(pathOf(path, twice), 'DUPLICATE_NAME', TWICE)
    }
    const suggestion = suggestName(name, Object.keys(field.fields))
    this.note(pathOf(path, name), 'UNKNOWN_FIELD', `there is no field ${quote(name)} here${suggestion}`)
  }

  /** Notes fields that are inherited or not enumerable. They are not read, and a guard among them would be missing. */
  #refuseHidden({ entries }: ObjectField, value: object, path: string): void {
    for (const [name] of entries) {
      const found = hiddenAs(value, name)
      if (found === undefined) continue
      const message = `expected an own, enumerable field, found one that is ${found}`
      this.note(pathOf(path, name), 'INVALID_TYPE', message)
    }
  }
}
