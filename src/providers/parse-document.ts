import { extname } from 'node:path'
import { asError, ProxyError } from '../model/errors.js'

/** In which a document may be written. */
export type DocumentFormat = 'toml' | 'yaml' | 'json'

const FORMATS: Readonly<Record<string, DocumentFormat>> = {
  '.toml': 'toml',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
}

/** The endings of files that may hold documents. */
export const DOCUMENT_ENDINGS: readonly string[] = Object.keys(FORMATS)

/** By the ending of a file's name; undefined if it is none of ours. */
export function formatOf(file: string): DocumentFormat | undefined {
  return FORMATS[extname(file).toLowerCase()]
}

/** Tables within each other; a document needs 8. */
const MAX_DEPTH = 32
/** Of YAML: references to one node, each of which is a copy of it. */
const MAX_ALIASES = 100

/**
 * A document from the bytes of a file.
 *
 * @param file named in messages
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` that says where, by line and column
 */
export async function parseDocument(
  bytes: Uint8Array,
  format: DocumentFormat,
  file: string,
): Promise<unknown> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw unusable(`${file} is no UTF-8`, error)
  }
  return parseText(text, format, file)
}

/** The same from its text. @param source named in messages @throws ProxyError `PROXY_CONFIG_UNUSABLE` */
export async function parseText(text: string, format: DocumentFormat, source: string): Promise<unknown> {
  try {
    return await PARSERS[format](text)
  } catch (thrown) {
    throw unusable(`${source}${placeIn(thrown, text)}: ${messageOf(thrown)}`, thrown)
  }
}

/** Each loaded when the first file of its kind is read. */
const PARSERS: Readonly<Record<DocumentFormat, (text: string) => Promise<unknown>>> = {
  toml: async (text) => (await import('smol-toml')).parse(text, { maxDepth: MAX_DEPTH }),
  yaml: async (text) => (await import('yaml')).parse(text, { maxAliasCount: MAX_ALIASES }),
  json: async (text) => JSON.parse(text),
}

/** `:3:14`, as editors understand it; the parsers tell it each in a way of its own. */
function placeIn(thrown: unknown, text: string): string {
  const { line, column, linePos } = thrown as {
    line?: number
    column?: number
    linePos?: readonly { line: number; col: number }[]
  }
  if (linePos?.[0]) return `:${linePos[0].line}:${linePos[0].col}`
  if (line !== undefined) return `:${line}:${column ?? 1}`
  const [, position] = /at position (\d+)/.exec(asError(thrown).message) ?? []
  if (position === undefined) return ''
  const before = text.slice(0, Number(position)).split('\n')
  return `:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}

/** Those of TOML and YAML quote the lines around the place, below an empty one; those of JSON quote in the middle. */
function messageOf(thrown: unknown): string {
  const [first = ''] = asError(thrown).message.split('\n\n')
  const place = / at line \d+, column \d+:?$/
  return first
    .replaceAll(/\s+/g, ' ')
    .replace(/^Invalid TOML document: /, '')
    .replace(place, '')
}

function unusable(message: string, cause: unknown): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', message, { cause })
}
