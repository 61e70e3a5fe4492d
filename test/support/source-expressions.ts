import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAst } from 'rolldown/parseAst'
import { cpuMsOf } from './cpu-time.js'

/** A regular expression that stands in the sources. */
export interface SourceExpression {
  /** File and line below `src`. */
  readonly place: string
  readonly expression: RegExp
}

/** Every regular expression literal of the sources. @param folder the sources */
export function expressionsIn(folder: string): SourceExpression[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => /\.(ts|js)$/.test(file))
    .sort()
    .flatMap((file) => expressionsOf(file, readFileSync(join(folder, file), 'utf8')))
}

function expressionsOf(file: string, source: string): SourceExpression[] {
  const found: SourceExpression[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const each of node) visit(each)
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return
    const { regex, start } = node as { regex?: { pattern: string; flags: string }; start: number }
    if (regex) {
      const line = source.slice(0, start).split('\n').length
      found.push({ place: `${file}:${line}`, expression: new RegExp(regex.pattern, regex.flags) })
    }
    for (const value of Object.values(node)) if (typeof value === 'object') visit(value)
  }
  visit(parseAst(source, { lang: file.endsWith('.ts') ? 'ts' : 'js' }, file))
  return found
}

/** The slowest of the texts that were tried on an expression. */
export interface Slowest {
  /** Characters of the text. */
  readonly length: number
  readonly ms: number
  /** What is repeated in it, between which texts. */
  readonly made: readonly [before: string, repeated: string, behind: string]
}

/** How often a part is repeated; the next step is taken while the one before is quick. */
const STEPS = [16, 20, 22, 24, 26, 256, 2_048, 16_384]

/**
 * Tries texts on an expression that are made to be slow for it: parts of the expression itself, repeated, behind its own
 * beginnings and before what it does not expect.
 *
 * @param length characters of the longest text
 * @param enoughMs a text that takes longer ends the search
 */
export function slowestFor(expression: RegExp, length: number, enoughMs: number): Slowest {
  let slowest: Slowest = { length: 0, ms: 0, made: ['', '', ''] }
  const { beginnings, parts } = partsOf(expression)
  for (const repeated of parts) {
    for (const before of beginnings) {
      for (const behind of ['', '!x\n']) {
        const tried = tryOne(expression, [before, repeated, behind], length)
        if (tried.ms > slowest.ms) slowest = tried
        if (slowest.ms > enoughMs) return slowest
      }
    }
  }
  return slowest
}

function tryOne(expression: RegExp, made: Slowest['made'], length: number): Slowest {
  const [before, repeated, behind] = made
  let last = { length: 0, ms: 0, made }
  const most = Math.ceil(length / repeated.length)
  for (const times of [...STEPS.filter((step) => step < most), most]) {
    const text = before + repeated.repeat(times) + behind
    const ms = msOf(expression, text)
    last = { length: text.length, ms, made }
    // Beyond this, an expression that is not linear would take minutes at the next step, or years.
    if (ms > (times < 100 ? 10 : 100)) break
    // One that takes the square of its text needs some milliseconds here.
    if (times >= 2_048 && ms < 0.3) break
  }
  return last
}

function msOf(expression: RegExp, text: string): number {
  return cpuMsOf(() => (expression.global ? text.replace(expression, '') : expression.test(text)))
}

/** What texts are made of: single characters and words of the expression, and one of each common kind. */
function partsOf({ source }: RegExp): { beginnings: string[]; parts: string[] } {
  const plain = source
    .replaceAll(/\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\u\{[^}]*\}|\\p\{[^}]*\}/g, ' ')
    .replaceAll(/\\d/g, '1')
    .replaceAll(/\\[sn]/g, ' ')
    .replaceAll(/\\[wb]/g, 'a')
    .replaceAll(/\(\?<?[:=!]/g, '(')
  const words = plain
    .replaceAll(/\\(.)/g, '$1')
    .split(/[()[\]{}|^$?+*]+/)
    .filter((word) => word !== '')
  const signs = [...new Set(plain.replaceAll(/[A-Za-z0-9]/g, ''))].slice(0, 14)
  const short = [...new Set(words)].slice(0, 8)
  const parts = [
    ...signs,
    ...short,
    'a',
    'A',
    '1',
    ' ',
    '/',
    'a://',
    ';a=b',
    ', ',
    ...short.slice(0, 4).map((word) => `${word}a`),
  ]
  const joined = short.slice(0, 2).join('')
  return { beginnings: [...new Set(['', '<a>', ...short.slice(0, 4), joined])], parts: [...new Set(parts)] }
}
