import { writeFileSync } from 'node:fs'
import { describeCores, leaveProxyAlone } from './cores.js'

/** What every bench takes. */
export const COMMON_OPTIONS = {
  quick: { type: 'boolean', default: false },
  json: { type: 'string' },
  package: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

export const COMMON_HELP = `
  --quick          a few seconds instead of minutes: shows that it works, not how fast
  --json FILE      the figures as JSON too
  --package FOLDER measures this build of the package instead of one of the sources
  --profile FOLDER leaves CPU profiles of the proxies there
  --help           this text`

/** One line of a table, by column. */
export type Row = Readonly<Record<string, string | number>>

/** What was to be reached, and what was. */
export interface Goal {
  readonly work: string
  /** As the table of goals writes it. */
  readonly asked: string
  readonly reached: string
  /** Undefined where nothing can be said but the figure. */
  readonly met?: boolean
}

/** What a part of a bench found: figures for people, and counts of what must not happen at all. */
export interface Finding {
  readonly title: string
  readonly rows: readonly Row[]
  readonly notes?: readonly string[]
  readonly goals?: readonly Goal[]
  /** Failed, mixed, left over, by what they are. */
  readonly wrong: Readonly<Record<string, number>>
  /** Some of what went wrong, in words. */
  readonly examples?: readonly string[]
}

/** Runs the parts one after another and prints what they found. Speed is judged by whoever reads; only counts fail. */
export async function runBench(
  name: string,
  parts: readonly (() => Promise<Finding>)[],
  json: string | undefined,
): Promise<void> {
  leaveProxyAlone()
  const conditions = `node ${process.version}, ${describeCores()}`
  progress(conditions)
  const findings: Finding[] = []
  for (const part of parts) {
    const finding = await part()
    findings.push(finding)
    print(finding)
  }
  const wrong = findings.flatMap((finding) => Object.entries(finding.wrong)).filter(([, count]) => count > 0)
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ bench: name, conditions, findings }, null, 2)}\n`)
  console.log(
    wrong.length === 0
      ? `${name}: nothing failed`
      : `${name}: ${wrong.map(([what, count]) => `${count} ${what}`).join(', ')}`,
  )
  // Children that were left are ended by the end of this process.
  process.exit(wrong.length === 0 ? 0 : 1)
}

/** What is being done, for whoever waits. */
export function progress(text: string): void {
  process.stderr.write(`... ${process.uptime().toFixed(0)} s: ${text}\n`)
}

function print({ title, rows, notes = [], goals = [], wrong, examples = [] }: Finding): void {
  console.log(`\n${title}`)
  printTable(rows)
  for (const { work, asked, reached, met } of goals)
    console.log(`  ${work}: asked ${asked}, ${reached}${met === undefined ? '' : met ? ', met' : ', missed'}`)
  for (const note of notes) console.log(`  ${note}`)
  console.log(
    `  ${Object.entries(wrong)
      .map(([what, count]) => `${what}: ${count}`)
      .join(', ')}`,
  )
  for (const example of examples) console.log(`  for example: ${example}`)
  console.log()
}

function printTable(rows: readonly Row[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = [columns, ...rows.map((row) => columns.map((column) => shown(row[column])))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)))
  for (const line of lines) {
    const cells = line.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[index]!),
    )
    console.log(`  ${cells.join('  ')}`)
  }
}

/** A cell of a table. */
export function shown(value: string | number | undefined): string {
  if (typeof value !== 'number') return value ?? ''
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1)
}
