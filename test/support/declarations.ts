import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A statement of a `.d.ts` file, or a member of one, with the docstring in front of it. */
export interface Documented {
  readonly doc: string
  /** The text without its docstring. Docstrings inside it stay. */
  readonly code: string
}

/** A class, interface, type alias, function or constant of a `.d.ts` file. */
export interface Declaration extends Documented {
  readonly file: string
  readonly name: string
  readonly isType: boolean
  /** The members of a class or an interface. Empty for other declarations. */
  readonly members: readonly Member[]
}

/** A member of a class or an interface. */
export interface Member extends Documented {
  /** The name, or `(call)` for a call signature. */
  readonly name: string
}

/** Where a name of a file comes from: another file, under a name of its own there. */
interface Source {
  readonly file: string
  readonly name: string
}

interface DeclarationFile {
  readonly declarations: ReadonlyMap<string, Declaration>
  readonly imports: ReadonlyMap<string, Source>
  readonly exports: ReadonlyMap<string, Source>
}

/** The declarations of a folder of `.d.ts` files, as tsc emits them. */
export class Declarations {
  readonly #files = new Map<string, DeclarationFile>()

  /** Returns the declarations that a file exports, its own and those of other files. */
  exportsOf(file: string): Declaration[] {
    const { exports } = this.#read(file)
    return [...exports.values()].map((source) => {
      const found = this.#find(source)
      if (!found) throw new Error(`${file}: there is no ${source.name} in ${source.file}`)
      return found
    })
  }

  /**
   * Returns the declarations that the text of a declaration names, except in private members. `keyof typeof TABLE` and
   * `(typeof LIST)[number]` name none, because editors show the texts that they stand for.
   */
  namedBy({ file, name, code, members }: Declaration): Declaration[] {
    const { declarations, imports } = this.#read(file)
    const shown =
      members.length === 0 ? code : [headOf(code), ...members.map((member) => member.code)].join('\n')
    const found = new Set<Declaration>()
    const plain = shown
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .replaceAll(/'(?:\\.|[^'\\])*'/g, "''")
      .replaceAll(/keyof typeof \w+|\(typeof \w+\)\[number\]/g, 'string')
    for (const [, isValue, word = ''] of plain.matchAll(/(typeof\s+)?(?<![.\w$])([A-Za-z_$][\w$]*)/g)) {
      const source = imports.get(word)
      const declaration = declarations.get(word) ?? (source && this.#find(source))
      if (declaration && declaration.name !== name && (declaration.isType || isValue)) found.add(declaration)
    }
    return [...found]
  }

  #find({ file, name }: Source): Declaration | undefined {
    const { declarations, imports, exports } = this.#read(file)
    const own = declarations.get(name)
    if (own) return own
    const source = exports.get(name) ?? imports.get(name)
    return source && !(source.file === file && source.name === name) ? this.#find(source) : undefined
  }

  #read(file: string): DeclarationFile {
    const known = this.#files.get(file)
    if (known) return known
    const read = readDeclarations(file)
    this.#files.set(file, read)
    return read
  }
}

function readDeclarations(file: string): DeclarationFile {
  const declarations = new Map<string, Declaration>()
  const imports = new Map<string, Source>()
  const exports = new Map<string, Source>()
  for (const { doc, code } of partsOf(readFileSync(file, 'utf8'), true)) {
    const head = HEAD.exec(code)
    if (!head) {
      const list = code.startsWith('import') ? imports : exports
      for (const [as, source] of sourcesIn(code, file)) list.set(as, source)
      continue
    }
    const [, isExported, kind = '', name = ''] = head
    const members = kind === 'class' || kind === 'interface' ? membersOf(code) : []
    const isType = kind !== 'function' && kind !== 'const'
    declarations.set(name, { file, name, isType, doc, code, members })
    if (isExported) exports.set(name, { file, name })
  }
  return { declarations, imports, exports }
}

const HEAD = /^(export )?(?:declare )?(?:abstract )?(class|interface|type|function|const|enum) ([\w$]+)/

/** Returns the names of an `import { ... } from` or `export { ... } from`. Names of packages are not ours to export. */
function sourcesIn(code: string, file: string): [as: string, Source][] {
  const [, list = '', from] = /^(?:import|export)\b[^{]*\{([^}]*)\}(?:\s*from\s*'([^']+)')?/.exec(code) ?? []
  if (from !== undefined && !from.startsWith('.')) return []
  const source = from === undefined ? file : join(dirname(file), from.replace(/\.js$/, '.d.ts'))
  return list.split(',').flatMap((each): [string, Source][] => {
    const [, name, as = name] = /^\s*(?:type\s+)?([\w$]+)(?:\s+as\s+([\w$]+))?\s*$/.exec(each) ?? []
    return name && as ? [[as, { file: source, name }]] : []
  })
}

/** Returns what stands before the members of a class or an interface. */
function headOf(code: string): string {
  return code.slice(0, code.indexOf('{'))
}

function membersOf(code: string): Member[] {
  return partsOf(code.slice(code.indexOf('{') + 1, code.lastIndexOf('}')), false).flatMap(
    ({ doc, code: text }) => {
      if (/^(?:private |#)/.test(text)) return []
      const plain = text.replace(
        /^(?:(?:readonly|static|override|get|set|abstract|declare|protected) )+(?=[\w$[#])/,
        '',
      )
      const [name = '(call)'] = /^(?:[\w$]+|\[[^\]]+\])/.exec(plain) ?? []
      return { name, doc, code: text }
    },
  )
}

const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|[{}()[\];]|[^'"`{}()[\];/]+|\//g

/** Splits a text into its statements, or into members, each with the docstring before it. Docstrings within stay in the code. */
function partsOf(text: string, areStatements: boolean): Documented[] {
  const parts: Documented[] = []
  let doc = ''
  let code = ''
  let depth = 0
  const end = () => {
    if (code.trim() !== '') parts.push({ doc, code: code.trim().replace(/;$/, '') })
    doc = ''
    code = ''
  }
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith('//')) continue
    if (token.startsWith('/*')) {
      if (code.trim() === '') doc = token
      else code += token
      continue
    }
    if (/^[{([]$/.test(token)) depth += 1
    if (/^[})\]]$/.test(token)) depth -= 1
    code += token
    const isBlock =
      areStatements &&
      token === '}' &&
      /^\s*(?:export )?(?:declare )?(?:abstract )?(?:class|interface|enum) /.test(code)
    if (depth === 0 && (token === ';' || isBlock)) end()
  }
  end()
  return parts
}

/** Returns the sentences of a docstring, without its tags and stars. */
export function descriptionOf(doc: string): string {
  return doc
    .replaceAll(/^\/\*\*?|\*\/$/g, '')
    .replaceAll(/^\s*\* ?/gm, '')
    .split(/(?:^|\s)@(?:param|returns|throws|example|default)\b/)[0]
    ?.trim() as string
}
