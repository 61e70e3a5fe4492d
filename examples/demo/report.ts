import { styleText } from 'node:util'
import type { Changes, ConfigChanged } from 'switchover'

/** Colours on a terminal only, and not where NO_COLOR asks for none. */
const colours = process.stdout.isTTY === true && !process.env['NO_COLOR']

function style(format: Parameters<typeof styleText>[0], text: string): string {
  return colours ? styleText(format, text) : text
}

export function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

export function headline(text: string): void {
  say()
  say(style('bold', text))
}

export function event(name: string, text: string): void {
  const bad = name === 'configRejected' || name === 'providerUnavailable' || name === 'requestFailed'
  say(`  ${style(bad ? 'yellow' : 'green', name)}  ${text}`)
}

/** Rows under a header, columns aligned. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  for (const [index, row] of rows.entries()) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    say(`  ${index === 0 ? style('dim', line) : line}`.trimEnd())
  }
}

export function describeChange({ generation, version, verified, changes }: ConfigChanged): string {
  const { frontends, backends } = changes
  const by = verified ? 'confirmed by the API' : 'not confirmed by the API'
  return `generation ${generation} serves ${version} (${by}); frontends ${count(frontends)}; backends ${count(backends)}`
}

export function describeSteps(steps: ConfigChanged['steps']): string {
  return Object.entries(steps)
    .map(([name, ms]) => `${name} ${ms.toFixed(ms < 1 ? 2 : 1)}`)
    .join(', ')
}

/** The last line: red if anything failed. */
export function verdict(text: string, good: boolean): void {
  say()
  say(style(good ? 'green' : 'red', text))
}

function count({ added, removed, changed }: Changes): string {
  return `+${added.length} -${removed.length} ~${changed.length}`
}
