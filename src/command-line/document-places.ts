import type { AST } from 'toml-eslint-parser'
import type { Node } from 'yaml'
import { pathOf } from '../base/messages.js'
import type { TextPosition } from '../providers/json-flaw.js'
import type { DocumentFormat } from '../providers/parse-document.js'

/**
 * The line and column of a name in the text of a document. `below` maps the names inside it to their positions. Each name is
 * spelled as in a path, such as `["c d"]`.
 */
export interface Places extends TextPosition {
  readonly below: Map<string, Places>
}

/** Finds the line and column of every name in a document's text. The text must be one that can be parsed without errors. */
export async function placesIn(text: string, format: DocumentFormat): Promise<Places> {
  const root: Places = { line: 1, column: 1, below: new Map() }
  await (format === 'toml' ? noteToml(text, root) : noteYaml(text, root))
  return root
}

/** A place, and how many characters of a path lead to it. */
type FoundPlace = TextPosition & { readonly found: number }

/**
 * Returns the line and column of a path such as `frontends.a.rule`. If the document lacks the path, returns the position of its
 * longest existing part. `found` is the length of that part in characters.
 */
export function findPlace(path: string, places: Places): FoundPlace {
  const steps = [...path.matchAll(STEP)].map(([step, name = step]) => ({ name, length: step.length }))
  const isDocument = ['frontends', 'backends'].some((name) => placesNamed(name, places).length > 0)
  // An answer of Traefik to `GET /api/providers` has documents below the names of its providers.
  const documents = isDocument ? [places] : [places, ...places.below.values()]
  return longest(documents.map((each) => follow(steps, each)))
}

/** Follows the parts of a path as far as they exist. A table may stand in two spellings, so each of them is tried. */
function follow(
  [step, ...rest]: readonly { readonly name: string; readonly length: number }[],
  at: Places,
): FoundPlace {
  const here = { line: at.line, column: at.column, found: 0 }
  if (!step) return here
  const further = placesNamed(step.name, at).map((next) => {
    const { line, column, found } = follow(rest, next)
    return { line, column, found: found + step.length }
  })
  return longest([here, ...further])
}

function longest(places: readonly FoundPlace[]): FoundPlace {
  return places.reduce((best, place) => (place.found > best.found ? place : best))
}

/** Matches one part of a path. `a.b["c d"][0]` has four parts. */
const STEP = /\.?([\w-]+|\[(?:"(?:[^"\\]|\\.)*"|\d+)\]|[^.[]+)/g

/** Returns the places of a name, the exact spelling first. Field names may be in upper or lower case. */
function placesNamed(name: string, { below }: Places): Places[] {
  const exact = below.get(name)
  const small = name.toLowerCase()
  const others = [...below].filter(([other]) => other !== name && other.toLowerCase() === small)
  return [...(exact ? [exact] : []), ...others.map(([, place]) => place)]
}

/**
 * Adds the positions of all names in a YAML text. JSON is parsed as YAML too. If a JSON object repeats a name, the last one
 * replaces those before it.
 */
async function noteYaml(text: string, root: Places): Promise<void> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' })
  const walk = (node: Node | null, above: Places): void => {
    if (!isMap<Node, Node | null>(node)) return
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue
      const { line, col } = lines.linePos(key.range?.[0] ?? 0)
      const place: Places = { line, column: col, below: new Map() }
      above.below.set(pathOf('', String(key.value)), place)
      walk(value, place)
    }
  }
  walk(document.contents, root)
}

async function noteToml(text: string, root: Places): Promise<void> {
  const { parseTOML } = await import('toml-eslint-parser')
  const [top] = parseTOML(text, { tomlVersion: '1.0' }).body
  noteEntries(top.body, root)
}

function noteEntries(entries: readonly (AST.TOMLKeyValue | AST.TOMLTable)[], above: Places): void {
  for (const entry of entries) {
    const place = noteKey(entry.key, above)
    if (entry.type === 'TOMLTable') noteEntries(entry.body, place)
    else if (entry.value.type === 'TOMLInlineTable') noteEntries(entry.value.body, place)
  }
}

/**
 * Adds the position of a TOML key. A dotted key such as `a.b` adds one name for each part. A repeated name keeps its first
 * position.
 */
function noteKey({ keys }: AST.TOMLKey, above: Places): Places {
  let at = above
  for (const key of keys) {
    const name = pathOf('', key.type === 'TOMLBare' ? key.name : key.value)
    const { line, column } = key.loc.start
    const next = at.below.get(name) ?? { line, column: column + 1, below: new Map() }
    at.below.set(name, next)
    at = next
  }
  return at
}
