import { flawAt, lineAndColumn } from './flaw-at.js'

/**
 * The largest number of aliases in YAML, with each alias inside an expanded
 * one counted again. A few lines of nested aliases could expand to gigabytes.
 */
const MAX_ALIASES = 10_000

/**
 * The largest number of YAML tokens in memory at a time, white space and comments included.
 * With more, the thread could exceed its heap limit in a way that ends the process.
 */
const MAX_TOKENS = 1_000_000

/** The number of entries that a table needs before its finished entries are sent to the main thread. */
const PART_SIZE = 200

/** The number of tokens between two checks for finished entries. */
const CHECK_EVERY = 500

/**
 * Parses a YAML 1.2 document strictly: a warning of the parser is an error here, because the parser drops what it warns of.
 *
 * The code is JavaScript, because `parse-worker.js` runs it in a separate thread from the
 * sources too, and TypeScript loaders do not reach threads. The types are in `parse-yaml.d.ts`.
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
 * Returns the document's tokens, and counts them as they arrive.
 *
 * @param take receives finished entries of the tables in the document
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

/** Counts tokens and values before the parser builds anything from them. */
class TokenCount {
  all = 0
  /** Tokens since entries were last sent. */
  kept = 0
  /** Whether an anchor was seen. From then on nothing is sent early, because a later alias needs the anchor's node. */
  hasAnchor = false
  #values = 0
  #at = 0
  #text
  #limits

  constructor(text, limits) {
    this.#text = text
    this.#limits = limits
  }

  /** @throws Error if the text has too many values or tokens */
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

  /** @throws Error if the parser's stack is too long; each nested table takes at most two places on it */
  checkDepth(stackLength) {
    const { maxDepth } = this.#limits
    if (stackLength > 2 * maxDepth + 8) throw this.#flaw(`nested more than ${maxDepth} deep`)
  }

  #flaw(message) {
    return flawAt(message, this.#text, this.#at)
  }
}

/** Marks that the lexer adds between pieces of the text. They take no characters of it. */
const MARKS = new Set(['\x02', '\x18', '\x1f'])

/** Returns whether a lexeme begins a collection or an entry of one. */
function isValue(lexeme) {
  const [first] = lexeme
  return (
    first === '[' || first === '{' || lexeme === ',' || lexeme === '-' || lexeme === ':' || lexeme === '?'
  )
}

/**
 * Moves finished entries of a table in the document (`frontends`, `backends`) from the parser to `take`. The tokens of
 * a whole document take a hundred times its bytes. The last two entries stay, because the parser looks back at them.
 *
 * @returns whether entries were moved
 */
function takeEntries([document, map, table], maxDepth, take) {
  if (document?.type !== 'document' || map?.type !== 'block-map' || table?.type !== 'block-map') return false
  const key = map.items.at(-1)?.key
  // `parse-in-thread.ts` assigns the entries by the table's name. The name `__proto__` would set the prototype.
  if (table.items.length < PART_SIZE || key?.type !== 'scalar' || key.source === '__proto__') return false
  const items = table.items.splice(0, table.items.length - 2)
  if (isTooDeep(items, maxDepth - 2)) throw new Error(`nested more than ${maxDepth} deep`)
  take(map.items.length - 1, { table, items })
  return true
}

/** Returns a document of tokens that holds only the given entries. */
function documentOf({ table: { offset, indent }, items }) {
  return { type: 'document', offset, start: [], value: { type: 'block-map', offset, indent, items } }
}

/** Returns the documents that the tokens form. */
function composed({ Composer }, tokens, text) {
  // The composer finds duplicate names by comparing each name with all others. `checkDocument` finds them in linear time.
  return [...new Composer({ version: '1.2', uniqueKeys: false }).compose(tokens, true, text.length)]
}

/**
 * Checks the names, aliases and tags of a document.
 *
 * @param names the names in each table that was sent in part, by the table's position
 * @param place the position of the table whose part this document is; undefined for the rest of the document
 * @throws Error for a flaw of the parser, a duplicate name, a name that is not text, an unknown alias or a forbidden tag
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

/** Returns a key as the name that it becomes in the document. `1` and `"1"` are the same name, and no key is the empty name. */
function nameOf(key) {
  return String(key?.value ?? '')
}

/** Tags of values that JSON has too. Other tags make maps and sets, whose entries the validation would not see. */
const TAGS = new Set([
  '!',
  ...['map', 'seq', 'str', 'int', 'float', 'bool', 'null'].map((name) => `tag:yaml.org,2002:${name}`),
])

function flawOf({ errors, warnings }, text) {
  const flaw = errors[0] ?? warnings[0]
  return Object.assign(flaw, lineAndColumn(text, flaw.pos[0]))
}

/**
 * Returns whether tokens are nested deeper than the limit. The check comes before the composer,
 * which is recursive. Without stack, V8 may end the process instead of throwing an error.
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
