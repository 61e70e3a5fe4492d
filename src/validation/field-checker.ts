import { types } from 'node:util'
import { describeValue, pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { parseDuration } from '../base/parse-duration.js'
import type { Duration } from '../model/config.js'
import type { Issue } from '../model/errors.js'
import { RESERVED_NAMES, type Shape } from './document-shapes.js'
import { type UnsupportedPolicy, unsupportedPolicy } from './unsupported-fields.js'

/** Reads the fields of a document of any shape, noting what is none of what was expected. */
export class FieldChecker {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #unsupported: UnsupportedPolicy

  /** @param unsupported what becomes of fields that are not built yet. Default: each is an issue */
  constructor(unsupported: UnsupportedPolicy = unsupportedPolicy()) {
    this.#unsupported = unsupported
  }

  /** An object's fields, if it is one; fields that its kind does not have are noted. */
  object(value: unknown, path: string, shape: Shape): Readonly<Record<string, unknown>> | undefined {
    if (!isObject(value)) {
      this.note(path, 'INVALID_TYPE', `expected an object, found ${describe(value)}`)
      return undefined
    }
    // Only its own fields, so that nothing is believed that the document does not say itself.
    const fields: Record<string, unknown> = {}
    let unknown = 0
    for (const name of Object.keys(value)) {
      if (shape.now.includes(name)) fields[name] = (value as Record<string, unknown>)[name]
      else if (shape.later.includes(name)) this.#laterField(pathOf(path, name), name, value)
      else {
        unknown += 1
        if (unknown <= MAX_UNKNOWN) this.#unknownField(pathOf(path, name), name, shape)
      }
    }
    if (unknown > MAX_UNKNOWN)
      this.note(
        path,
        'UNKNOWN_FIELD',
        `there are ${unknown - MAX_UNKNOWN} more fields that are not known here`,
      )
    this.#refuseHidden(value, path, shape)
    return fields
  }

  /** The entries of a required object whose keys are names; `undefined` for one whose key is none. */
  *names(value: unknown, path: string): Generator<[name: string, value: unknown] | undefined, void> {
    if (value === undefined) {
      this.note(path, 'MISSING_FIELD', `expected an object of names, found nothing`)
      return
    }
    if (!isObject(value)) {
      this.note(path, 'INVALID_TYPE', `expected an object of names, found ${describe(value)}`)
      return
    }
    for (const name of Object.keys(value)) {
      yield this.#isName(name, path) ? [name, (value as Record<string, unknown>)[name]] : undefined
    }
  }

  text(value: unknown, path: string): string | undefined {
    if (value === undefined || typeof value === 'string') return value
    this.note(path, 'INVALID_TYPE', `expected a text, found ${describeValue(value)}`)
    return undefined
  }

  /** A text that names something, and so stands in events, in metrics and in the history of each switch. */
  label(value: unknown, path: string): string | undefined {
    const text = this.text(value, path)
    const bytes = text === undefined ? 0 : bytesBeyondName(text)
    if (bytes === 0) return text
    this.note(path, 'INVALID_VALUE', tooLong(bytes))
    return undefined
  }

  wholeNumber(value: unknown, path: string): number | undefined {
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined
    this.note(path, 'INVALID_TYPE', `expected a whole number, found ${describeValue(value)}`)
    return undefined
  }

  flag(value: unknown, path: string): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value
    this.note(path, 'INVALID_TYPE', `expected true or false, found ${describeValue(value)}`)
    return undefined
  }

  texts(value: unknown, path: string): readonly string[] | undefined {
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string')) {
      for (const [index, text] of value.entries()) this.label(text, `${path}[${index}]`)
      return [...value]
    }
    this.note(path, 'INVALID_TYPE', `expected a list of at least one text, found ${describeValue(value)}`)
    return undefined
  }

  count(value: unknown, path: string): number | undefined {
    const isCount = (given: number) => isWhole(given, 1, Number.MAX_SAFE_INTEGER)
    return this.number(value, path, 'a whole number of 1 or more', isCount)
  }

  number(
    value: unknown,
    path: string,
    expected: string,
    holds: (given: number) => boolean,
  ): number | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'number' && holds(value)) return value
    const code = typeof value === 'number' ? 'INVALID_VALUE' : 'INVALID_TYPE'
    this.note(path, code, `expected ${expected}, found ${describeValue(value)}`)
    return undefined
  }

  /** Above 0: what is to happen again and again must not happen without end. */
  duration(value: unknown, path: string): Duration | undefined {
    if (value === undefined) return undefined
    const ms = parseDuration(value) ?? 0
    if (ms > 0 && ms <= MAX_DURATION_MS) return value as Duration
    const expected = 'expected a duration above 0, as "10s"; a bare number is seconds'
    this.note(path, 'INVALID_VALUE', `${expected}; found ${describeValue(value)}`)
    return undefined
  }

  oneOf<T extends string>(value: unknown, path: string, known: readonly T[]): T | undefined {
    if (value === undefined || known.includes(value as T)) return value as T | undefined
    const found = describeValue(value)
    this.note(path, 'INVALID_VALUE', `expected one of ${known.join(', ')}, found ${found}`)
    return undefined
  }

  note(path: string, code: Issue['code'], message: string): void {
    this.issues.push({ path, code, message })
  }

  #isName(name: string, path: string): boolean {
    const bytes = bytesBeyondName(name)
    if (bytes === 0 && /^[a-z][\w.:/-]*$/i.test(name) && !RESERVED_NAMES.includes(name)) return true
    const flaw = bytes > 0 ? tooLong(bytes) : flawOfName(name)
    if (flaw) this.note(pathOf(path, name), 'INVALID_NAME', `the name ${quote(name)} ${flaw}`)
    return !flaw
  }

  /** A field of a class's, or of the object that this one was made after, is not read: left out silently, a guard would be missing. */
  #refuseHidden(value: object, path: string, { now, later }: Shape): void {
    for (const names of [now, later])
      for (const name of names) {
        if (!(name in value) || isEnumerable(value, name) || name in Object.prototype) continue
        const found = Object.hasOwn(value, name) ? 'not enumerable' : 'inherited'
        const message = `expected a field of the object's own, found one that is ${found}`
        this.note(pathOf(path, name), 'INVALID_TYPE', message)
      }
  }

  #laterField(path: string, name: string, fields: object): void {
    const { isLeftOut, issue } = this.#unsupported(path, name, valueIn(fields, name))
    const told = isLeftOut ? this.warnings : this.issues
    told.push(issue)
  }

  #unknownField(path: string, name: string, { now, later }: Shape): void {
    const suggestion = suggestName(name, [...now, ...later])
    this.note(path, 'UNKNOWN_FIELD', `there is no field ${quote(name)} here${suggestion}`)
  }
}

/** Of one object, each with what may be meant: a megabyte of them took a second in one turn of the event loop. */
const MAX_UNKNOWN = 100

/** Whether it has fields. The entries of a map or set are none, and would be left out silently; a date of TOML has none. */
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

/** What cannot be read may ask for anything. */
function valueIn(fields: object, name: string): unknown {
  try {
    return (fields as Readonly<Record<string, unknown>>)[name]
  } catch {
    return true
  }
}

/** Ten documents whose names are megabytes would stand in the history, and be sent to everybody who looks at it. */
const MAX_NAME_BYTES = 1_024

/** How long a name is in bytes of UTF-8, if that is too long; else 0. */
function bytesBeyondName(text: string): number {
  // No character takes more than three bytes for each of its units.
  if (text.length <= MAX_NAME_BYTES / 3) return 0
  const bytes = Buffer.byteLength(text)
  return bytes > MAX_NAME_BYTES ? bytes : 0
}

function tooLong(bytes: number): string {
  return `is longer than ${MAX_NAME_BYTES} bytes: it has ${bytes}`
}

function flawOfName(name: string): string | undefined {
  if (RESERVED_NAMES.includes(name)) return 'is reserved'
  if (name === '') return 'is empty'
  if (name.includes('@')) return 'holds "@", which stands between a name and its provider'
  return /\p{Cc}/u.test(name) ? 'holds a control character' : undefined
}

/** Beyond it node's timers fire at once. */
const MAX_DURATION_MS = 2 ** 31 - 1

export function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}
