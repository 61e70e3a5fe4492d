import type { AST } from 'toml-eslint-parser'
import type { Node } from 'yaml'
import type { DocumentFormat } from '../providers/parse-document.js'
import { pathOf } from '../rules/document-shapes.js'

/** Where something stands in a text, both from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** Where each name of a document stands, by its path in small letters: names of fields may be in any case. */
export type Places = ReadonlyMap<string, Place>

type Note = (path: string, place: Place) => void

/** Finds the places in a text that a parser has taken already. */
export async function placesIn(text: string, format: DocumentFormat): Promise<Places> {
  const places = new Map<string, Place>()
  const note: Note = (path, place) => {
    const name = path.toLowerCase()
    if (!places.has(name)) places.set(name, place)
  }
  await (format === 'toml' ? noteToml(text, note) : noteYaml(text, note))
  return places
}

/** The place of a path, or of the nearest one around it. @returns also how many characters of the path are found there */
export function placeOf(path: string, places: Places): Place & { readonly found: number } {
  for (let rest = path.toLowerCase(); rest !== ''; rest = parentOf(rest)) {
    const place = places.get(rest)
    if (place) return { ...place, found: rest.length }
  }
  return { line: 1, column: 1, found: 0 }
}

/** `a.b["c d"]` lies in `a.b`. */
function parentOf(path: string): string {
  return path.replace(/(?:\.?[\w-]+|\[(?:"(?:[^"\\]|\\.)*"|\d+)\]|[^.[]*)$/, '')
}

/** JSON is YAML too. */
async function noteYaml(text: string, note: Note): Promise<void> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' })
  const walk = (node: Node | null, above: string): void => {
    if (!isMap<Node, Node | null>(node)) return
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue
      const path = pathOf(above, String(key.value))
      const { line, col } = lines.linePos(key.range?.[0] ?? 0)
      note(path, { line, column: col })
      walk(value, path)
    }
  }
  walk(document.contents, '')
}

async function noteToml(text: string, note: Note): Promise<void> {
  const { parseTOML } = await import('toml-eslint-parser')
  const [top] = parseTOML(text, { tomlVersion: '1.0' }).body
  noteEntries(top.body, '', note)
}

function noteEntries(
  entries: readonly (AST.TOMLKeyValue | AST.TOMLTable)[],
  above: string,
  note: Note,
): void {
  for (const entry of entries) {
    const path = noteKey(entry.key, above, note)
    if (entry.type === 'TOMLTable') noteEntries(entry.body, path, note)
    else if (entry.value.type === 'TOMLInlineTable') noteEntries(entry.value.body, path, note)
  }
}

/** A key with dots is a path of its own. */
function noteKey({ keys }: AST.TOMLKey, above: string, note: Note): string {
  let path = above
  for (const key of keys) {
    path = pathOf(path, key.type === 'TOMLBare' ? key.name : key.value)
    note(path, { line: key.loc.start.line, column: key.loc.start.column + 1 })
  }
  return path
}
