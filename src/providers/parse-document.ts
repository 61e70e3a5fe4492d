import { extname } from 'node:path'
import { asError, ProxyError } from '../model/errors.js'
import { JsonCount } from './json-limits.js'

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
const JSON_LIMITS = { maxDepth: MAX_DEPTH, maxValues: 5_000_000 } as const
/** Of YAML: what references stand for, all together; a few lines of references to references stand for gigabytes. */
const MAX_ALIASES = 10_000

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
  const flaw = format === 'json' ? new JsonCount(JSON_LIMITS).take(bytes) : undefined
  if (flaw) throw unusable(`${file} is ${flaw}`, undefined)
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
  yaml: parseYaml,
  json: async (text) => JSON.parse(text),
}

/** By the grammar of today, strictly: what it only warns of would be lost. */
async function parseYaml(text: string): Promise<unknown> {
  const { Composer, isScalar, LineCounter, Parser, visit } = await import('yaml')
  const lines = new LineCounter()
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  if (isTooDeep(tokens)) throw new Error(`nested more than ${MAX_DEPTH} deep`)
  // It would look for names that stand twice by comparing each with all others.
  const options = { version: '1.2', uniqueKeys: false, lineCounter: lines } as const
  const [document, ...more] = new Composer(options).compose(tokens, true, text.length)
  if (!document) throw new Error('it is empty')
  const flaw = document.errors[0] ?? document.warnings[0]
  if (flaw) throw Object.assign(flaw, { linePos: [lines.linePos(flaw.pos[0])] })
  if (more.length > 0) throw new Error(`expected one document, found ${more.length + 1}`)
  if (document.directives?.yaml.version === '1.1') throw new Error('expected YAML 1.2, found 1.1')
  visit(document, {
    Map(_, { items }) {
      const names = new Set<unknown>()
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key
        const at = isScalar(key) ? (key.range?.[0] ?? 0) : 0
        if (names.has(name))
          throw Object.assign(new Error(`the name ${JSON.stringify(name)} stands twice`), {
            linePos: [lines.linePos(at)],
          })
        names.add(name)
      }
    },
  })
  return document.toJS({ maxAliasCount: MAX_ALIASES })
}

/**
 * Whether tokens lie deeper in each other than a document's do. Looked at before they are composed, which is done by
 * functions that call themselves: out of stack, V8 may end the process instead of throwing.
 */
function isTooDeep(tokens: readonly object[]): boolean {
  const waiting: [token: unknown, depth: number][] = tokens.map((token) => [token, 0])
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [token, depth] = next
    if (typeof token !== 'object' || token === null) continue
    if (depth > MAX_DEPTH) return true
    const { items = [], key, value } = token as { items?: readonly unknown[]; key?: unknown; value?: unknown }
    for (const item of items) waiting.push([item, depth])
    waiting.push([key, depth + 1], [value, depth + 1])
  }
  return false
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
