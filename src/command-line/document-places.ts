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

/**
 * Returns the line and column of a path such as `frontends.a.rule`. If the document lacks the path, returns the position of its
 * longest existing part. `found` is the length of that part in characters.
 */
export function findPlace(path: string, places: Places): TextPosition & { readonly found: number } {
  let [at, found] = [places, 0]
  for (const [step, name = step] of path.matchAll(STEP)) {
    const next = at.below.get(name) ?? inAnyCase(name, at)
    if (!next) break
    ;[at, found] = [next, found + step.length]
  }
  return { line: at.line, column: at.column, found }
}

/** Matches one part of a path. `a.b["c d"][0]` has four parts. */
const STEP = /\.?([\w-]+|\[(?:"(?:[^"\\]|\\.)*"|\d+)\]|[^.[]+)/g

/**
 * Finds a name whose case differs from the wanted one, because field names may be in upper or lower case. `findPlace` tries the
 * exact name first.
 */
function inAnyCase(name: string, { below }: Places): Places | undefined {
  const wanted = name.toLowerCase()
  return [...below].find(([other]) => other.toLowerCase() === wanted)?.[1]
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
