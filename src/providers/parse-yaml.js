import { flawAt, lineAndColumn } from './flaw-at.js'

/**
 * The largest number of YAML aliases (`*name`) that are expanded. An alias within an expanded alias counts each time. Without the
 * limit, a few lines of nested aliases could expand to gigabytes.
 */
const MAX_ALIASES = 10_000

/**
 * The largest number of YAML tokens in memory at a time, white space and comments included. With more tokens, the worker thread
 * could exceed its heap limit in a way that ends the whole process.
 */
const MAX_TOKENS = 1_000_000

/** The number of entries that a table must have before the worker thread sends the finished ones to the main thread. */
const PART_SIZE = 200

/** The number of tokens between two checks of the nesting, and of whether a table has enough finished entries to send. */
const CHECK_EVERY = 500

/**
 * Parses a YAML 1.2 document strictly: a warning of the parser is an error here, because the parser leaves out what it warns
 * about.
 *
 * This file is JavaScript, because a worker thread imports it from the sources too, and TypeScript loaders do not work in worker
 * threads. The types are in `parse-yaml.d.ts`.
 */
export async function parseYaml(text, limits, onPart) {
  const yaml = await import('yaml')
  const names = new Map()
  const take = (place, items) => {
    const [document] = composed(yaml, [documentOf(items)], text)
    checkDocument(yaml, document, text, names, place)
    onPart(place, document.toJS({ maxAliasCount: MAX_ALIASES }))
  }
  const tokens = tokensOf(yaml, text, limits, onPart && take)
  const [document, ...more] = composed(yaml, tokens, text)
  if (!document) throw new Error('it is empty')
  if (document.errors[0] ?? document.warnings[0]) throw flawOf(document, text)
  if (more.length > 0) throw new Error(`expected one document, found ${more.length + 1}`)
  if (document.directives?.yaml.version === '1.1') throw new Error('expected YAML 1.2, found 1.1')
  checkDocument(yaml, document, text, names, undefined)
  const placed = yaml.isMap(document.contents) ? document.contents.items.map(({ key }) => nameOf(key)) : []
  return { document: document.toJS({ maxAliasCount: MAX_ALIASES }), names: placed }
}

/**
 * Returns the tokens of a YAML document. Counts the tokens as they arrive, and throws if a limit is exceeded.
 *
 * @param take if given, it is called with finished entries of top-level tables, and the returned tokens lack these entries
 */
function tokensOf({ Lexer, Parser }, text, limits, take) {
  const parser = new Parser()
  const tokens = []
  const count = new TokenCount(text, limits)
  for (const lexeme of new Lexer().lex(text)) {
    count.take(lexeme)
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (count.all % CHECK_EVERY !== 0) continue
    count.checkDepth(parser.stack.length)
    if (take && !count.hasAnchor && takeEntries(parser.stack, limits.maxDepth, take)) count.kept = 0
  }
  for (const token of parser.end()) tokens.push(token)
  if (isTooDeep(tokens, limits.maxDepth)) throw new Error(`nested more than ${limits.maxDepth} deep`)
  return tokens
}

/** Counts the tokens and values of a YAML text before the parser builds anything from them, and throws if there are too many. */
class TokenCount {
  all = 0
  /** The number of tokens since entries were last sent to the main thread. */
  kept = 0
  /**
   * Whether the text has a YAML anchor (`&name`) so far. From then on no entries are sent early, because a later alias (`*name`)
   * needs the anchor's node.
   */
  hasAnchor = false
  #values = 0
  #at = 0
  #text
  #limits

  constructor(text, limits) {
    this.#text = text
    this.#limits = limits
  }

  /** Counts the next token of the text. @throws Error if the text has too many values or tokens */
  take(lexeme) {
    this.all += 1
    this.kept += 1
    if (isValue(lexeme)) this.#values += 1
    if (lexeme[0] === '&') this.hasAnchor = true
    const { maxValues } = this.#limits
    if (this.#values > maxValues) throw this.#flaw(`more than ${maxValues} values`)
    if (this.kept > MAX_TOKENS) throw this.#flaw(`more than ${MAX_TOKENS} tokens in one part`)
    if (!MARKS.has(lexeme)) this.#at += lexeme.length
  }

  /** Checks the nesting by the parser's stack, where a nested table takes at most two places. @throws Error if it is too deep */
  checkDepth(stackLength) {
    const { maxDepth } = this.#limits
    if (stackLength > 2 * maxDepth + 8) throw this.#flaw(`nested more than ${maxDepth} deep`)
  }

  #flaw(message) {
    return flawAt(message, this.#text, this.#at)
  }
}

/** Control characters that the lexer adds between pieces of the text. They are not part of the text. */
const MARKS = new Set(['\x02', '\x18', '\x1f'])

/** Returns whether a lexeme (a piece of YAML text) begins a collection or an entry of a collection. */
function isValue(lexeme) {
  const [first] = lexeme
  return (
    first === '[' || first === '{' || lexeme === ',' || lexeme === '-' || lexeme === ':' || lexeme === '?'
  )
}

/**
 * Moves finished entries of a top-level table, such as `frontends`, from the parser to `take`. This saves memory: the tokens of a
 * whole document take a hundred times its bytes. The last two entries stay, because the parser looks back at them.
 *
 * @returns whether entries were moved
 */
function takeEntries([document, map, table], maxDepth, take) {
  if (document?.type !== 'document' || map?.type !== 'block-map' || table?.type !== 'block-map') return false
  const key = map.items.at(-1)?.key
  // Moves nothing if the table has few entries or is named `__proto__`. Assigning a table by that name would set the prototype.
  if (table.items.length < PART_SIZE || key?.type !== 'scalar' || key.source === '__proto__') return false
  const items = table.items.splice(0, table.items.length - 2)
  if (isTooDeep(items, maxDepth - 2)) throw new Error(`nested more than ${maxDepth} deep`)
  take(map.items.length - 1, { table, items })
  return true
}

/** Returns the token of a YAML document that holds only the given entries of a table. */
function documentOf({ table: { offset, indent }, items }) {
  return { type: 'document', offset, start: [], value: { type: 'block-map', offset, indent, items } }
}

/** Returns the YAML documents that the composer of the parser makes from the tokens. */
function composed({ Composer }, tokens, text) {
  // Turns off the composer's search for duplicate names, which compares each name with all others. `checkDocument` finds
  // duplicates in linear time.
  return [...new Composer({ version: '1.2', uniqueKeys: false }).compose(tokens, true, text.length)]
}

/**
 * Checks the names, aliases and tags of a YAML document. A part of a table that is sent early is checked as a document of its
 * own.
 *
 * @param names the names found so far in each table of which a part was sent early, by the index of the table
 * @param place the index of the table of which this document is a part; undefined if it is the whole document, or the rest of it
 * @throws Error that the parser found, or for a duplicate name, a name that is not text, an unknown alias or a forbidden tag
 */
function checkDocument({ isAlias, isMap, isScalar, visit }, document, text, names, place) {
  if (document.errors[0] ?? document.warnings[0]) throw flawOf(document, text)
  const anchors = new Set()
  const checkNames = (map, known) => {
    for (const { key } of map.items) {
      if (key && !isScalar(key)) throw flawAt('a name that is not text', text, key.range?.[0] ?? 0)
      const name = nameOf(key)
      if (known.has(name))
        throw flawAt(`the name ${JSON.stringify(name)} occurs twice`, text, key?.range?.[0] ?? 0)
      known.add(name)
    }
  }
  const known = new Map()
  const root = document.contents
  if (place !== undefined) {
    if (!names.has(place)) names.set(place, new Set())
    known.set(root, names.get(place))
  } else if (isMap(root)) {
    for (const [nth, { value }] of root.items.entries()) known.set(value, names.get(nth) ?? new Set())
  }
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        if (anchors.has(node.source)) return
        throw flawAt('an alias without an anchor of its name before it', text, node.range?.[0] ?? 0)
      }
      if (node.tag !== undefined && !TAGS.has(node.tag))
        throw flawAt('a tag that documents may not have', text, node.range?.[0] ?? 0)
      if (node.anchor !== undefined) anchors.add(node.anchor)
      if (isMap(node)) checkNames(node, known.get(node) ?? new Set())
    },
  })
}

/** Returns the property name that a YAML key becomes. `1` and `"1"` become the same name, and a missing key the empty name. */
function nameOf(key) {
  return String(key?.value ?? '')
}

/**
 * The allowed YAML tags, whose values JSON has too. Other tags make maps and sets, whose entries the validation would not see.
 */
const TAGS = new Set([
  '!',
  ...['map', 'seq', 'str', 'int', 'float', 'bool', 'null'].map((name) => `tag:yaml.org,2002:${name}`),
])

function flawOf({ errors, warnings }, text) {
  const flaw = errors[0] ?? warnings[0]
  return Object.assign(flaw, lineAndColumn(text, flaw.pos[0]))
}

/**
 * Returns whether tokens are nested deeper than the limit. This is checked before the composer runs, because the composer is
 * recursive. If the composer exhausted the stack, V8 might end the process instead of throwing an error.
 */
function isTooDeep(tokens, maxDepth) {
  const waiting = tokens.map((token) => [token, 0])
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [token, depth] = next
    if (typeof token !== 'object' || token === null) continue
    if (depth > maxDepth) return true
    const { items = [], key, value } = token
    for (const item of items) waiting.push([item, depth])
    waiting.push([key, depth + 1], [value, depth + 1])
  }
  return false
}
