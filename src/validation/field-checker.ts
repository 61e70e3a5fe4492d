import { types } from 'node:util'
import { describeValue, pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { parseDuration } from '../base/parse-duration.js'
import type { Duration } from '../model/config.js'
import type { Issue } from '../model/errors.js'
import { RESERVED_NAMES, type Shape } from './document-shapes.js'
import { type UnsupportedPolicy, unsupportedPolicy } from './unsupported-fields.js'

/** Reads the fields of a document of any shape and notes what is not as expected. */
export class FieldChecker {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #unsupported: UnsupportedPolicy

  /** @param unsupported decides what happens to fields that are not built yet. By default each is an issue. */
  constructor(unsupported: UnsupportedPolicy = unsupportedPolicy()) {
    this.#unsupported = unsupported
  }

  /** Returns the fields of an object. It notes a value that is no object, and fields that this kind of object does not have. */
  object(value: unknown, path: string, shape: Shape): Readonly<Record<string, unknown>> | undefined {
    if (!isObject(value)) {
      this.note(path, 'INVALID_TYPE', `expected an object, found ${describe(value)}`)
      return undefined
    }
    // Only own fields are read, so that nothing counts which the document does not say itself.
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
      this.note(path, 'UNKNOWN_FIELD', `there are ${unknown - MAX_UNKNOWN} more unknown fields here`)
    this.#refuseHidden(value, path, shape)
    return fields
  }

  /**
   * Yields the entries of a required object whose keys are names. It yields undefined for an entry whose key is no valid name.
   */
  *names(value: unknown, path: string): Generator<[name: string, value: unknown] | undefined, void> {
    if (value === undefined) {
      this.note(path, 'MISSING_FIELD', `expected an object with names as keys, found nothing`)
      return
    }
    if (!isObject(value)) {
      this.note(path, 'INVALID_TYPE', `expected an object with names as keys, found ${describe(value)}`)
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

  /** Reads a text that is a name. Its length is limited, because names stand in events, metrics and the history of switches. */
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

  /** Reads a duration. It must be above 0, because work that repeats without a pause would block the process. */
  duration(value: unknown, path: string): Duration | undefined {
    if (value === undefined) return undefined
    const ms = parseDuration(value) ?? 0
    if (ms > 0 && ms <= MAX_DURATION_MS) return value as Duration
    const expected = 'expected a duration above 0, like "10s"; a bare number is seconds'
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

  /**
   * Notes fields that are inherited or not enumerable. They are not read. Without a note, a guard among them would be missing
   * silently.
   */
  #refuseHidden(value: object, path: string, { now, later }: Shape): void {
    for (const names of [now, later])
      for (const name of names) {
        if (!(name in value) || isEnumerable(value, name) || name in Object.prototype) continue
        const found = Object.hasOwn(value, name) ? 'not enumerable' : 'inherited'
        const message = `expected an own, enumerable field, found one that is ${found}`
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

/**
 * The most unknown fields of one object that are noted one by one, each with the nearest known name. A megabyte of unknown fields
 * took a second in one turn of the event loop.
 */
const MAX_UNKNOWN = 100

/**
 * Returns whether a value is an object with fields. The entries of a map or set are not fields, so they would be left out
 * silently. A date of TOML has no fields.
 */
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

/** Reads a field. A getter that throws may hide a guard, so it counts as a field that asks for something. */
function valueIn(fields: object, name: string): unknown {
  try {
    return (fields as Readonly<Record<string, unknown>>)[name]
  } catch {
    return true
  }
}

/**
 * The most bytes of a name. The history of switches keeps names and sends them to every client that reads it. Ten documents with
 * names of megabytes would fill it.
 */
const MAX_NAME_BYTES = 1_024

/** Returns the length of a name in bytes of UTF-8 if it is too long, otherwise 0. */
function bytesBeyondName(text: string): number {
  // UTF-8 takes at most three bytes for each UTF-16 unit, so a short text needs no counting.
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
  if (name.includes('@')) return 'has "@" in it, which separates a name from its provider'
  return /\p{Cc}/u.test(name) ? 'has a control character in it' : undefined
}

/** The longest duration in milliseconds. Node's timers fire at once beyond it. */
const MAX_DURATION_MS = 2 ** 31 - 1

export function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}
