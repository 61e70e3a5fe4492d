import { extname } from 'node:path'
import { asError, ProxyError } from '../model/errors.js'
import { jsonFlaw } from './json-flaw.js'
import { DOCUMENT_LIMITS, JsonCount, type JsonLimits } from './json-limits.js'
import { parseInThread } from './parse-in-thread.js'

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

/** Of YAML and TOML, which take a thousand times as long as JSON: more is refused. */
const MAX_SLOW_BYTES = 16 * 1024 * 1024

/** A text of so many characters is parsed here, without a thread: a tenth of a second at most, whatever is in it. */
const AT_ONCE = { yaml: 8 * 1024, toml: 96 * 1024 } as const

/**
 * A document from the bytes of a file.
 *
 * @param file named in messages
 * @param signal ends the thread that it may take
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` that says where, by line and column
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
    throw unusable(`${file} is no UTF-8`)
  }
  return parseText(text, format, file, { signal })
}

/** The same from its text. @param source named in messages @throws ProxyError `PROXY_CONFIG_UNUSABLE` */
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
    // Without the parser's own error for its cause: that quotes what stands there, which may be a password.
    throw unusable(`${source}${placeIn(thrown, text, format)}: ${messageOf(thrown)}`)
  }
}

async function parseSlow(
  text: string,
  format: 'yaml' | 'toml',
  limits: JsonLimits,
  signal?: AbortSignal,
): Promise<unknown> {
  // Each character is one to four bytes; most are one.
  if (text.length > MAX_SLOW_BYTES) throw new Error(`more than ${MAX_SLOW_BYTES} characters of ${format}`)
  if (text.length > AT_ONCE[format]) return parseInThread(text, format, limits, signal)
  const { parseToml, parseYaml } = await import('./slow-formats.js')
  return format === 'toml' ? parseToml(text, limits) : (await parseYaml(text, limits)).document
}

/** `:3:14`, as editors understand it; the parsers tell it each in a way of its own. */
function placeIn(thrown: unknown, text: string, format: DocumentFormat): string {
  const { line, column } = thrown as { line?: number; column?: number }
  if (line !== undefined) return `:${line}:${column ?? 1}`
  const [, position] = /at position (\d+)/.exec(asError(thrown).message) ?? []
  if (position === undefined && format === 'json' && text.length <= MAX_SEARCHED) {
    const place = jsonFlaw(text)
    return `:${place.line}:${place.column}`
  }
  if (position === undefined) return ''
  const before = text.slice(0, Number(position)).split('\n')
  return `:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}

/** A larger text is not parsed again and again to find the place. */
const MAX_SEARCHED = 100_000

/** In the place of messages that quote what stands there, by their codes of YAML: it may be a password. */
const WITHOUT_QUOTES: ReadonlyMap<unknown, string> = new Map([
  ['TAG_RESOLVE_FAILED', 'a tag that cannot be resolved'],
  ['BAD_COLLECTION_TYPE', 'a tag that is of something else'],
  ['BAD_DIRECTIVE', 'a directive that is not known'],
  ['BAD_DQ_ESCAPE', 'an escape sequence that is not known'],
  ['UNEXPECTED_TOKEN', 'something that cannot stand here'],
])

/** Those of TOML and YAML quote the lines around the place, below an empty one; those of JSON quote in the middle. */
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
