import type { AST } from 'toml-eslint-parser'
import type { Node } from 'yaml'
import { pathOf } from '../base/messages.js'
import type { TextPosition } from '../providers/json-flaw.js'
import type { DocumentFormat } from '../providers/parse-document.js'

/** The position of a name in a document's text, and the names below it, spelled as in a path. */
export interface Places extends TextPosition {
  readonly below: Map<string, Places>
}

/** Finds the positions of all names in a text. The text must be valid. */
export async function placesIn(text: string, format: DocumentFormat): Promise<Places> {
  const root: Places = { line: 1, column: 1, below: new Map() }
  await (format === 'toml' ? noteToml(text, root) : noteYaml(text, root))
  return root
}

/**
 * Returns the position of a path, or of the nearest part of the path that the document has. `found` is the number of the path's
 * characters up to there.
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

/** Matches one step of a path. `a.b["c d"][0]` has four steps. */
const STEP = /\.?([\w-]+|\[(?:"(?:[^"\\]|\\.)*"|\d+)\]|[^.[]+)/g

/** Finds a name in any spelling, because field names may be in upper or lower case. Exact matches have been tried before. */
function inAnyCase(name: string, { below }: Places): Places | undefined {
  const wanted = name.toLowerCase()
  return [...below].find(([other]) => other.toLowerCase() === wanted)?.[1]
}

/** Notes the positions in YAML. JSON is YAML too. If JSON repeats a name, only the last one counts, with everything in it. */
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

/** Notes a key of TOML. A dotted key is a path of its own. A repeated name continues the existing entry. */
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
