import type { AST } from 'toml-eslint-parser'
import type { Node } from 'yaml'
import { pathOf } from '../base/messages.js'
import type { TextPosition } from '../providers/json-flaw.js'
import type { DocumentFormat } from '../providers/parse-document.js'

/** Where a name of a document stands, and what lies under it, by names as a path has them. */
export interface Places extends TextPosition {
  readonly below: Map<string, Places>
}

/** Finds the places in a text that a parser has taken already. */
export async function placesIn(text: string, format: DocumentFormat): Promise<Places> {
  const root: Places = { line: 1, column: 1, below: new Map() }
  await (format === 'toml' ? noteToml(text, root) : noteYaml(text, root))
  return root
}

/** The place of a path, or of the nearest one around it. @returns also how many characters of the path are found there */
export function findPlace(path: string, places: Places): TextPosition & { readonly found: number } {
  let [at, found] = [places, 0]
  for (const [step, name = step] of path.matchAll(STEP)) {
    const next = at.below.get(name) ?? inAnyCase(name, at)
    if (!next) break
    ;[at, found] = [next, found + step.length]
  }
  return { line: at.line, column: at.column, found }
}

/** `a.b["c d"][0]` is four steps. */
const STEP = /\.?([\w-]+|\[(?:"(?:[^"\\]|\\.)*"|\d+)\]|[^.[]+)/g

/** Names of fields may be in any case; of others, those that are the same come first. */
function inAnyCase(name: string, { below }: Places): Places | undefined {
  const wanted = name.toLowerCase()
  return [...below].find(([other]) => other.toLowerCase() === wanted)?.[1]
}

/** JSON is YAML too. Of a name that stands twice in it, the last one counts, with all that lies in it. */
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

/** A key with dots is a path of its own; one that comes again goes on with what is there. */
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
