import type { Field } from '../../base/field-kinds.js'

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
