import type { Field } from '../../base/field-kinds.js'
import { nullRecord } from '../../base/records.js'

/** Fields of an object that is read from keys. */
export type Fields = Record<string, unknown>

/** Reads the text of a store by the kind of its field. Source: Traefik 1.7's KV template. */
export function readValue(field: Field, text: string): unknown {
  if (field.kind === 'number') return numberOf(text)
  if (field.kind === 'flag') return flagOf(text)
  return field.kind === 'list' ? listOf(text) : text
}

/** Returns the number in a text. A text without a number is returned as it is, and validation refuses it. */
function numberOf(text: string): unknown {
  return /^\s*[+-]?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text
}

/** Returns the boolean in a text, in the spellings that Go's `strconv.ParseBool` takes, because Traefik uses it. */
export function flagOf(text: string): unknown {
  const word = text.trim()
  if (/^(1|t|T|true|TRUE|True)$/.test(word)) return true
  return /^(0|f|F|false|FALSE|False)$/.test(word) ? false : text
}

/** Returns whether a value switches its field off: an empty text, or a boolean that is false. */
export function isOff(text: string): boolean {
  return text.trim() === '' || flagOf(text) === false
}

/**
 * Returns the items of a list that is written in one value, with commas. A text of commas alone is returned as it is, and
 * validation refuses it: an empty list would ask for nothing.
 */
function listOf(text: string): unknown {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  return items.length > 0 || text.trim() === '' ? items : text
}

/**
 * Puts a value of a field that is not supported, as text. Validation refuses the field unless all its values
 * are off.
 */
export function putLater(values: Fields, name: string, rest: readonly string[], value: string): void {
  if (isSwitchedOff(rest, value)) values[name] ??= false
  else if (rest.length === 0) values[name] = value
  else {
    const folder = rest.slice(0, -1).reduce(folderIn, folderIn(values, name))
    folder[rest.at(-1) as string] = value
  }
}

/**
 * Returns whether a key of a field that is not supported asks for nothing: the field itself, or one flag directly below it. A value
 * further down may be the value of a header, and an empty one removes the header. A list's item always asks for something.
 */
function isSwitchedOff(rest: readonly string[], value: string): boolean {
  const [flag, ...further] = rest
  if (flag === undefined) return isOff(value)
  return further.length === 0 && !/^\d+$/.test(flag) && flagOf(value) === false
}

/** Returns the record under a name, which is created if there is none. */
export function folderIn(fields: Fields, name: string): Fields {
  const found = fields[name]
  if (typeof found === 'object' && found !== null) return found as Fields
  const folder = nullRecord<unknown>()
  fields[name] = folder
  return folder
}
