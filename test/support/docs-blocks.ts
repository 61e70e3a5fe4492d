import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A page of the documentation. */
export interface Page {
  /** From the root of the package: `docs/events.md`. */
  readonly file: string
  readonly text: string
}

/** A fenced block of code. */
export interface Block {
  readonly file: string
  /** From 1, counting every block of the page. */
  readonly number: number
  /** Where its code begins, from 1. */
  readonly line: number
  /** What stands behind the fence: `ts`, or `''`. */
  readonly language: string
  readonly code: string
  /** What the reader knows from before: the text of `<!-- setup: ... -->` in front of it. */
  readonly setup: string
  /** Whether `<!-- run -->` stands in front of it. */
  readonly run: boolean
}

/** A table, and the heading above it. */
export interface Table {
  readonly heading: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** README.md and every page of docs/ and its folders. */
export function readPages(): readonly Page[] {
  const docs = existsSync(join(root, 'docs'))
    ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    : []
  const files = [
    'README.md',
    ...docs.filter((file) => file.endsWith('.md')).map((file) => `docs/${file.replaceAll('\\', '/')}`),
  ]
  return files.sort().map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
}

/** Every fenced block of a page, with the comments that stand directly in front of it. */
export function blocksOf({ file, text }: Page): Block[] {
  const blocks: Block[] = []
  const fenced = /((?:^<!--(?:(?!-->)[\s\S])*-->[ \t]*\n\s*)*)^(`{3,})([^\n`]*)\n([\s\S]*?)^\2[ \t]*$/gm
  for (const found of text.matchAll(fenced)) {
    const [, comments = '', fence = '', language = '', code = ''] = found
    const setups = [...comments.matchAll(/<!-- setup:((?:(?!-->)[\s\S])*)-->/g)]
    const codeAt = found.index + comments.length + fence.length + language.length + 1
    blocks.push({
      file,
      number: blocks.length + 1,
      line: text.slice(0, codeAt).split('\n').length,
      language: language.trim(),
      code,
      setup: setups.map(([, setup = '']) => setup.trim()).join('\n'),
      run: /<!-- run -->/.test(comments),
    })
  }
  return blocks
}

/** Every table of a page. */
export function tablesOf({ text }: Page): Table[] {
  const tables: Table[] = []
  let heading = ''
  let lines: string[][] = []
  const end = (): void => {
    const [header = [], rule = [], ...rows] = lines
    if (rule.every((cell) => /^:?-+:?$/.test(cell)) && rule.length > 0) tables.push({ heading, header, rows })
    lines = []
  }
  for (const line of withoutBlocks(text).split('\n')) {
    if (line.startsWith('|')) {
      lines.push(cellsOf(line))
      continue
    }
    end()
    heading = /^#+ (.+)$/.exec(line)?.[1] ?? heading
  }
  end()
  return tables
}

function cellsOf(line: string): string[] {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** What stands in a text as `code`. */
export function codesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

/** The anchors that a page's headings make, as GitHub makes them. */
export function anchorsOf({ text }: Page): Set<string> {
  const anchors = new Set<string>()
  const seen = new Map<string, number>()
  for (const [, heading = ''] of withoutBlocks(text).matchAll(/^#+ (.+)$/gm)) {
    const slug = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    anchors.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return anchors
}

/** Where a page's links lead to, but for those to other sites. */
export function relativeLinksOf({ text }: Page): string[] {
  const plain = withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '')
  return [...plain.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^(`{3,})[^\n]*\n[\s\S]*?^\1[ \t]*$/gm, '')
}
