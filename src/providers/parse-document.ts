import { extname } from 'node:path'
import { asError, ProxyError } from '../model/errors.js'
import { jsonFlaw, positionAt } from './json-flaw.js'
import { DOCUMENT_LIMITS, JsonCount, type JsonLimits } from './json-limits.js'
import { parseInThread } from './parse-in-thread.js'

/** The file formats in which a configuration document can be written. */
export type DocumentFormat = 'toml' | 'yaml' | 'json'

const FORMATS: Readonly<Record<string, DocumentFormat>> = {
  '.toml': 'toml',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
}

/** The endings of file names that mark a configuration document, such as `.toml`. */
export const DOCUMENT_ENDINGS: readonly string[] = Object.keys(FORMATS)

/** Returns the document format of a file by the ending of the file's name; undefined if it is not one of `DOCUMENT_ENDINGS`. */
export function formatOf(file: string): DocumentFormat | undefined {
  return FORMATS[extname(file).toLowerCase()]
}

/**
 * The longest YAML or TOML text that is accepted, in characters. These formats take a thousand times as long to parse as JSON.
 */
const MAX_SLOW_CHARACTERS = 16 * 1024 * 1024

/**
 * The longest YAML and TOML texts, in characters, that the main thread parses. Parsing one takes at most a tenth of a second.
 * Longer texts go to a worker thread.
 */
const MAX_CHARACTERS_AT_ONCE = { yaml: 8 * 1024, toml: 96 * 1024 } as const

/**
 * Parses a configuration document from the bytes of a file.
 *
 * @param file the file's name, for messages
 * @param signal ends the worker thread that parses a large text
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` that names the file, line and column
 */
export async function parseDocument(
  bytes: Uint8Array,
  format: DocumentFormat,
  file: string,
  signal?: AbortSignal,
): Promise<unknown> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw unusable(`${file} is not UTF-8`)
  }
  return parseText(text, format, file, { signal })
}

/**
 * Parses a configuration document from its text.
 *
 * @param source where the text comes from, in words for messages, such as a file name
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` that names the source, line and column
 */
export async function parseText(
  text: string,
  format: DocumentFormat,
  source: string,
  { signal, ...limits }: Partial<JsonLimits> & { readonly signal?: AbortSignal | undefined } = {},
): Promise<unknown> {
  const all = { ...DOCUMENT_LIMITS, ...limits }
  if (format === 'json') {
    const flaw = new JsonCount(all).takeText(text)
    if (flaw) throw unusable(`${source} is ${flaw}`)
  }
  try {
    return format === 'json' ? JSON.parse(text) : await parseSlow(text, format, all, signal)
  } catch (thrown) {
    // Does not attach the parser's error as `cause`, because its message quotes the text, which may contain a password.
    throw unusable(`${source}${placeIn(thrown, text, format)}: ${messageOf(thrown)}`)
  }
}

async function parseSlow(
  text: string,
  format: 'yaml' | 'toml',
  limits: JsonLimits,
  signal?: AbortSignal,
): Promise<unknown> {
  // The limit counts characters, which is close enough to bytes: a character takes one to four bytes, and most take one.
  if (text.length > MAX_SLOW_CHARACTERS)
    throw new Error(`more than ${MAX_SLOW_CHARACTERS} characters of ${format}`)
  if (text.length > MAX_CHARACTERS_AT_ONCE[format]) return parseInThread(text, format, limits, signal)
  if (format === 'toml') {
    const { parseToml } = await import('./parse-toml.js')
    return parseToml(text, limits)
  }
  const { parseYaml } = await import('./parse-yaml.js')
  return (await parseYaml(text, limits)).document
}

/**
 * Returns the position of a parser's error as `:line:column`, which editors understand; `''` if it is unknown. Each parser
 * reports the position differently.
 */
function placeIn(thrown: unknown, text: string, format: DocumentFormat): string {
  const { line, column } = thrown as { line?: number; column?: number }
  if (line !== undefined) return `:${line}:${column ?? 1}`
  const [, position] = /at position (\d+)/.exec(asError(thrown).message) ?? []
  const isSearched = format === 'json' && text.length <= MAX_SEARCHED
  if (position === undefined && !isSearched) return ''
  const place = position === undefined ? jsonFlaw(text) : positionAt(text, Number(position))
  return `:${place.line}:${place.column}`
}

/**
 * The longest JSON text, in characters, in which `jsonFlaw` searches for a syntax error. The search parses the text many times.
 */
const MAX_SEARCHED = 100_000

/**
 * Messages for errors of the YAML parser, by the code of the error. They replace messages of the parser that quote the document,
 * because the quoted text may be a password.
 */
const WITHOUT_QUOTES: ReadonlyMap<unknown, string> = new Map([
  ['TAG_RESOLVE_FAILED', 'a tag that cannot be resolved'],
  ['BAD_COLLECTION_TYPE', 'a tag that does not fit its value'],
  ['BAD_DIRECTIVE', 'an invalid directive'],
  ['BAD_DQ_ESCAPE', 'an invalid escape sequence'],
  ['UNEXPECTED_TOKEN', 'an unexpected token'],
])

/**
 * Returns the message of a parser's error without the part that quotes the document. The TOML and YAML parsers quote below an
 * empty line, and Node's JSON parser quotes in the middle of the message.
 */
function messageOf(thrown: unknown): string {
  const plain = WITHOUT_QUOTES.get((thrown as { code?: unknown }).code)
  if (plain !== undefined) return plain
  if (/^Unexpected token|is not valid JSON$/.test(asError(thrown).message)) return 'Unexpected token in JSON'
  const [first = ''] = asError(thrown).message.split('\n\n')
  const place = / at line \d+, column \d+:?$/
  return first
    .replaceAll(/\s+/g, ' ')
    .replace(/^Invalid TOML document: /, '')
    .replace(place, '')
}

function unusable(message: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', message)
}
