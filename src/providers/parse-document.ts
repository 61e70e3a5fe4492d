import { extname } from 'node:path'
import { asError, ProxyError } from '../model/errors.js'
import { jsonFlaw } from './json-flaw.js'
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
  } catch {
    throw unusable(`${file} is no UTF-8`)
  }
  const flaw = format === 'json' ? new JsonCount(JSON_LIMITS).take(bytes) : undefined
  if (flaw) throw unusable(`${file} is ${flaw}`)
  return parseText(text, format, file)
}

/** The same from its text. @param source named in messages @throws ProxyError `PROXY_CONFIG_UNUSABLE` */
export async function parseText(text: string, format: DocumentFormat, source: string): Promise<unknown> {
  try {
    return await PARSERS[format](text)
  } catch (thrown) {
    // Without the parser's own error for its cause: that quotes what stands there, which may be a password.
    throw unusable(`${source}${placeIn(thrown, text, format)}: ${messageOf(thrown)}`)
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
  const { Composer, isAlias, isMap, isScalar, LineCounter, Parser, visit } = await import('yaml')
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
  const flawAt = (at: number | undefined, message: string): Error =>
    Object.assign(new Error(message), { linePos: [lines.linePos(at ?? 0)] })
  const anchors = new Set<string>()
  const checkNames = (keys: readonly unknown[]): void => {
    const names = new Set<unknown>()
    for (const key of keys) {
      const name = isScalar(key) ? key.value : key
      if (names.has(name))
        throw flawAt(isScalar(key) ? key.range?.[0] : 0, `the name ${JSON.stringify(name)} stands twice`)
      names.add(name)
    }
  }
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        if (anchors.has(node.source)) return
        throw flawAt(node.range?.[0], 'an alias of an anchor that is not set before it')
      }
      if (node.anchor !== undefined) anchors.add(node.anchor)
      if (isMap(node)) checkNames(node.items.map(({ key }) => key))
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
function placeIn(thrown: unknown, text: string, format: DocumentFormat): string {
  const { line, column, linePos } = thrown as {
    line?: number
    column?: number
    linePos?: readonly { line: number; col: number }[]
  }
  if (linePos?.[0]) return `:${linePos[0].line}:${linePos[0].col}`
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
