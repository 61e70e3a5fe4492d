/**
 * YAML and TOML, whose parsers cannot be interrupted. In JavaScript, because `parse-worker.js` runs it in a thread of its own,
 * which no loader of TypeScript reaches when the sources run. Its types stand in `slow-formats.d.ts`.
 */

/** Of YAML: what references stand for, all together; a few lines of references to references stand for gigabytes. */
const MAX_ALIASES = 10_000

/** Of YAML, kept in memory at a time: blanks and comments are among them. More cannot be kept within the heap's limit safely. */
const MAX_TOKENS = 1_000_000

/** Entries of a table that are passed on together. */
const PART_SIZE = 200

/** Tokens between two looks at whether there is something to pass on. */
const LOOK_EVERY = 500

/** By the grammar of today, strictly: what it only warns of would be lost. */
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

/** The document's tokens, counted as they come. @param take gets entries of tables in the document's table as they are whole */
function tokensOf({ Lexer, Parser }, text, limits, take) {
  const parser = new Parser()
  const tokens = []
  const count = new TokenCount(text, limits)
  for (const lexeme of new Lexer().lex(text)) {
    count.take(lexeme)
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (count.all % LOOK_EVERY !== 0) continue
    count.checkDepth(parser.stack.length)
    if (take && !count.hasAnchor && takeEntries(parser.stack, limits.maxDepth, take)) count.kept = 0
  }
  for (const token of parser.end()) tokens.push(token)
  if (isTooDeep(tokens, limits.maxDepth)) throw new Error(`nested more than ${limits.maxDepth} deep`)
  return tokens
}

/** Counts before anything is made of it. */
class TokenCount {
  all = 0
  /** Since something was passed on. */
  kept = 0
  /** What an alias of a later part stands for would be gone. */
  hasAnchor = false
  #values = 0
  #at = 0
  #text
  #limits

  constructor(text, limits) {
    this.#text = text
    this.#limits = limits
  }

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

  /** A table takes two places of the parser's stack at most. */
  checkDepth(stackLength) {
    const { maxDepth } = this.#limits
    if (stackLength > 2 * maxDepth + 8) throw this.#flaw(`nested more than ${maxDepth} deep`)
  }

  #flaw(message) {
    return flawAt(message, this.#text, this.#at)
  }
}

/** What the lexer puts between the texts. */
const MARKS = new Set(['\x02', '\x18', '\x1f'])

/** Beginnings of collections, and of what is in them. */
function isValue(lexeme) {
  const [first] = lexeme
  return (
    first === '[' || first === '{' || lexeme === ',' || lexeme === '-' || lexeme === ':' || lexeme === '?'
  )
}

/**
 * Takes from the parser what it has finished of a table in the document's table (`frontends`, `backends`), all but the last
 * entries, which it looks back at: a whole document of tokens takes a hundred times its bytes.
 */
function takeEntries([document, map, table], maxDepth, take) {
  if (document?.type !== 'document' || map?.type !== 'block-map' || table?.type !== 'block-map') return false
  const key = map.items.at(-1)?.key
  // What is put together by its name afterwards must not be the prototype.
  if (table.items.length < PART_SIZE || key?.type !== 'scalar' || key.source === '__proto__') return false
  const items = table.items.splice(0, table.items.length - 2)
  if (isTooDeep(items, maxDepth - 2)) throw new Error(`nested more than ${maxDepth} deep`)
  take(map.items.length - 1, { table, items })
  return true
}

function documentOf({ table: { offset, indent }, items }) {
  return { type: 'document', offset, start: [], value: { type: 'block-map', offset, indent, items } }
}

function composed({ Composer }, tokens, text) {
  // It would look for names that stand twice by comparing each with all others.
  return [...new Composer({ version: '1.2', uniqueKeys: false }).compose(tokens, true, text.length)]
}

/** @param names of the tables of which parts were passed on, by their place @param place of the table that this is a part of */
function checkDocument({ isAlias, isMap, isScalar, visit }, document, text, names, place) {
  if (document.errors[0] ?? document.warnings[0]) throw flawOf(document, text)
  const anchors = new Set()
  const checkNames = (map, known) => {
    for (const { key } of map.items) {
      if (key && !isScalar(key)) throw flawAt('a name that is no text', text, key.range?.[0] ?? 0)
      const name = nameOf(key)
      if (known.has(name))
        throw flawAt(`the name ${JSON.stringify(name)} stands twice`, text, key?.range?.[0] ?? 0)
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
        throw flawAt('an alias of an anchor that is not set before it', text, node.range?.[0] ?? 0)
      }
      if (node.tag !== undefined && !TAGS.has(node.tag))
        throw flawAt('a tag of what no document holds', text, node.range?.[0] ?? 0)
      if (node.anchor !== undefined) anchors.add(node.anchor)
      if (isMap(node)) checkNames(node, known.get(node) ?? new Set())
    },
  })
}

/** As it will be in the document: `1` and `"1"` are one name, and nothing is the empty one. */
function nameOf(key) {
  return String(key?.value ?? '')
}

/** Of what JSON has too. Others make maps and sets, of whose entries nobody would know. */
const TAGS = new Set([
  '!',
  ...['map', 'seq', 'str', 'int', 'float', 'bool', 'null'].map((name) => `tag:yaml.org,2002:${name}`),
])

function flawOf({ errors, warnings }, text) {
  const flaw = errors[0] ?? warnings[0]
  return Object.assign(flaw, lineAndColumn(text, flaw.pos[0]))
}

function flawAt(message, text, at) {
  return Object.assign(new Error(message), lineAndColumn(text, at))
}

/** As editors count, from 1. */
function lineAndColumn(text, at) {
  let [line, start] = [1, 0]
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', start)) {
    line += 1
    start = end + 1
  }
  return { line, column: at - start + 1 }
}

/**
 * Whether tokens lie deeper in each other than a document's do. Looked at before they are composed, which is done by
 * functions that call themselves: out of stack, V8 may end the process instead of throwing.
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

/** Counted before it is parsed, and measured after: names with dots lie in each other too. */
export async function parseToml(text, { maxDepth, maxValues }) {
  const flaw = tomlFlaw(text, maxDepth, Math.min(maxValues, MAX_TOKENS))
  if (flaw) throw flaw
  const { parse } = await import('smol-toml')
  const document = parse(text, { maxDepth })
  if (isDeeper(document, maxDepth)) throw new Error(`nested more than ${maxDepth} deep`)
  return document
}

/** Values of TOML begin behind `=`, `[`, `{` and `,`; each part of a name between dots is a table in the one before. */
function tomlFlaw(text, maxDepth, maxValues) {
  let [values, dots] = [0, 0]
  for (const { character, at } of structureOf(text)) {
    if (character === '.') dots += 1
    else dots = 0
    if (VALUE_STARTS.has(character)) values += 1
    if (dots > maxDepth) return flawAt(`nested more than ${maxDepth} deep`, text, at)
    if (values > maxValues) return flawAt(`more than ${maxValues} values`, text, at)
  }
  return undefined
}

const VALUE_STARTS = new Set(['=', '[', '{', ','])
const STRUCTURE = new Set([...VALUE_STARTS, '.', '\n'])

/** What structure is made of, without what stands in texts and comments. */
function* structureOf(text) {
  let at = 0
  while (at < text.length) {
    const character = text[at]
    if (character === '"' || character === "'") at = endOfText(text, at)
    else if (character === '#') at = endOfLine(text, at)
    else {
      if (STRUCTURE.has(character)) yield { character, at }
      at += 1
    }
  }
}

/** Behind the quotes that end a text of one line or of several; one that has no end goes on to where it must have one. */
function endOfText(text, start) {
  const quote = text[start]
  const isLong = text.startsWith(quote.repeat(3), start)
  const mark = isLong ? quote.repeat(3) : quote
  for (let at = start + mark.length; at < text.length; at += 1) {
    if (text.startsWith(mark, at)) return at + mark.length
    if (text[at] === '\n' && !isLong) return at
    if (text[at] === '\\' && quote === '"') at += 1
  }
  return text.length
}

function endOfLine(text, at) {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

function isDeeper(document, maxDepth) {
  const waiting = [[document, 0]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [value, depth] = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > maxDepth) return true
    for (const inner of Object.values(value)) if (typeof inner === 'object') waiting.push([inner, depth + 1])
  }
  return false
}
