import { flawAt } from './flaw-at.js'

/**
 * The largest number of values in a TOML document, even if `maxValues` allows more. With more values, the worker thread could
 * exceed its heap limit in a way that ends the whole process.
 */
const MAX_VALUES = 1_000_000

/**
 * Parses a TOML document. The values are counted before the parser runs. The nesting of tables is checked again afterwards,
 * because dotted names such as `a.b.c` nest tables too.
 *
 * This file is JavaScript, because a worker thread imports it from the sources too, and TypeScript loaders do not work in worker
 * threads. The types are in `parse-toml.d.ts`.
 */
export async function parseToml(text, { maxDepth, maxValues }) {
  const flaw = tomlFlaw(text, maxDepth, Math.min(maxValues, MAX_VALUES))
  if (flaw) throw flaw
  const { parse } = await import('smol-toml')
  const document = parse(text, { maxDepth })
  if (isDeeper(document, maxDepth)) throw new Error(`nested more than ${maxDepth} deep`)
  return document
}

/**
 * Returns the error for a TOML text with too many values, or with too many dots in a name; undefined if there is none. A value
 * begins after `=`, `[`, `{` or `,`. Each part of a dotted name is a table within the table of the part before.
 */
function tomlFlaw(text, maxDepth, maxValues) {
  let [values, dots] = [0, 0]
  for (const { character, at } of structureOf(text)) {
    if (character === '.') dots += 1
    else dots = 0
    if (VALUE_STARTS.has(character)) values += 1
    if (dots > maxDepth) return flawAt(`nested more than ${maxDepth} deep`, text, at)
    if (values > maxValues) return flawAt(`more than ${maxValues} values`, text, at)
  }
  return undefined
}

const VALUE_STARTS = new Set(['=', '[', '{', ','])
const STRUCTURE = new Set([...VALUE_STARTS, '.', '\n'])

/**
 * Yields the structural characters of a TOML text, such as `=` and `[`, with their positions. Skips quoted strings and comments.
 */
function* structureOf(text) {
  let at = 0
  while (at < text.length) {
    const character = text[at]
    if (character === '"' || character === "'") at = endOfText(text, at)
    else if (character === '#') at = endOfLine(text, at)
    else {
      if (STRUCTURE.has(character)) yield { character, at }
      at += 1
    }
  }
}

/**
 * Returns the position after a quoted string, of one line or several. If the closing quotes are missing, the string ends where
 * they must come at the latest.
 */
function endOfText(text, start) {
  const quote = text[start]
  const isLong = text.startsWith(quote.repeat(3), start)
  const mark = isLong ? quote.repeat(3) : quote
  for (let at = start + mark.length; at < text.length; at += 1) {
    if (text.startsWith(mark, at)) return at + mark.length
    if (text[at] === '\n' && !isLong) return at
    if (text[at] === '\\' && quote === '"') at += 1
  }
  return text.length
}

function endOfLine(text, at) {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** Returns whether tables and arrays are nested deeper than the limit. It uses no recursion, which could exhaust the stack. */
function isDeeper(document, maxDepth) {
  const waiting = [[document, 0]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [value, depth] = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > maxDepth) return true
    for (const inner of Object.values(value)) if (typeof inner === 'object') waiting.push([inner, depth + 1])
  }
  return false
}
