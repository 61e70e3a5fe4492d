import { flawAt } from './flaw-at.js'

/**
 * The largest number of values in TOML, even if the limits of the document allow more.
 * With more, the thread could exceed its heap limit in a way that ends the process.
 */
const MAX_VALUES = 1_000_000

/**
 * Parses a TOML document. The values are counted before the parser runs. The nesting
 * is measured afterwards too, because a table can also grow deeper by names with dots.
 *
 * The code is JavaScript, because `parse-worker.js` runs it in a separate thread from the
 * sources too, and TypeScript loaders do not reach threads. The types are in `parse-toml.d.ts`.
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
 * Returns the error for too many values or too many dots in a name. A value begins after
 * `=`, `[`, `{` or `,`. Each part of a name with dots is a table within the one before.
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

/** Yields the characters that give a TOML text its structure. It skips texts in quotes and comments. */
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
 * Returns the position after a text in quotes, of one line or several. A
 * text without closing quotes ends where they must stand at the latest.
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
