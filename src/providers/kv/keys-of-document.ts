import type { Field, ObjectField } from '../../base/field-kinds.js'
import { pathOf } from '../../base/messages.js'
import { isRecord } from '../../base/records.js'
import { eachOf, insideOf } from '../../base/schema.js'
import { configInvalid, type Issue } from '../../model/errors.js'
import { DOCUMENT } from '../../validation/document-schema.js'
import { isOff } from '../../validation/is-off.js'
import { normalForm } from '../../validation/normal-form.js'

/** A key below the prefix of a document, and its value. */
export type WrittenKey = readonly [key: string, value: string]

/** Fields of the document that the layout has no key for. They say where the document stands, so the store says it better. */
const NOT_WRITTEN: ReadonlySet<string> = new Set(['$schema', 'prefix'])

/**
 * Returns the keys of Traefik 1.7's layout for a document. `documentOfKeys` reads them back to a document with the same digest.
 * It yields after each frontend and backend so that the caller can pause.
 *
 * @param document a valid one, with its fields as `withFieldCase` spells them
 * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each value that the layout cannot hold
 */
export function* keysOfDocument(document: unknown): Generator<void, readonly WrittenKey[]> {
  const writer = new KeyWriter()
  const fields = isRecord(document) ? document : {}
  for (const [name, field] of Object.entries(DOCUMENT.fields)) {
    const [value, each] = [fields[name], eachOf(field)]
    if (isOff(field, value) || NOT_WRITTEN.has(name)) continue
    if (!each || !isRecord(value)) writer.value(field, value, [name])
    else
      for (const [entry, inside] of Object.entries(value)) {
        writer.entry(each, normalForm(inside, each) as Values, [name, entry])
        yield
      }
  }
  if (writer.issues.length > 0) throw configInvalid(writer.issues)
  return writer.keys
}

type Values = Readonly<Record<string, unknown>>

/** Writes values in normal form as keys. */
class KeyWriter {
  readonly keys: WrittenKey[] = []
  readonly issues: Issue[] = []

  /** Writes an entry under a name of the document's own. */
  entry(object: ObjectField, fields: Readonly<Record<string, unknown>>, at: readonly string[]): void {
    const name = at.at(-1) as string
    if (name.includes('/')) this.#refuse(at, 'a name with a slash would be two names in a key')
    else if (Object.keys(fields).length === 0) this.#refuse(at, 'an entry without fields has no key')
    else this.#fields(object, fields, at)
  }

  #fields(object: ObjectField, fields: Readonly<Record<string, unknown>>, at: readonly string[]): void {
    for (const [name, value] of Object.entries(fields)) {
      const field = object.fields[name]
      if (field) this.value(field, value, [...at, name])
    }
  }

  /** Writes the value of a field. */
  value(field: Field, value: unknown, at: readonly string[]): void {
    const inside = insideOf(field)
    if (field.kind === 'later') this.#refuse(at, 'the field is not supported yet')
    else if (inside && isRecord(value)) {
      // One key that is true stands for an object without fields, which asks for its defaults.
      if (Object.keys(value).length === 0) this.#write(at, 'true')
      else this.#fields(inside, value, at)
    } else if (field.kind === 'named' && isRecord(value)) this.#named(field.of, value, at)
    else if (Array.isArray(value))
      for (const [index, item] of value.entries()) this.#write([...at, String(index)], String(item))
    else if (field.kind === 'duration') this.#write(at, `${value}ms`)
    else this.#scalar(value, at)
  }

  #named(of: Field, values: Readonly<Record<string, unknown>>, at: readonly string[]): void {
    const inside = insideOf(of)
    for (const [name, value] of Object.entries(values)) {
      const below = [...at, name]
      if (inside && isRecord(value)) this.entry(inside, value, below)
      else if (name.includes('/')) this.#refuse(below, 'a name with a slash would be two names in a key')
      else this.value(of, value, below)
    }
  }

  #scalar(value: unknown, at: readonly string[]): void {
    if (typeof value === 'object') this.#refuse(at, 'a key holds a rule as text alone')
    else if (typeof value === 'number' && !/^-?\d+(\.\d+)?$/.test(String(value)))
      this.#refuse(at, 'a key holds a number without an exponent')
    else this.#write(at, String(value))
  }

  #write(at: readonly string[], value: string): void {
    this.keys.push([at.join('/'), value])
  }

  #refuse(at: readonly string[], why: string): void {
    const message = `cannot be written as keys of Traefik 1.7: ${why}`
    this.issues.push({ path: at.reduce(pathOf, ''), code: 'INVALID_VALUE', message })
  }
}
