import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Finding, type Goal, type Row, shown } from '../parts/command-line.js'
import { describeCores } from '../parts/cores.js'
import { generatorName } from '../parts/load-generator.js'
import { PEERS } from '../parts/subject.js'
import { systemVersions } from '../parts/system-proxies.js'

const page = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url))

const HEAD = `# Performance

Written by \`npm run bench -- --save\`; nothing on this page was typed by hand. \`npm run bench\` prints the same tables, and
\`npm run bench -- --help\` says how to ask for less.

Absolute figures move with the machine, and with the minute: ratios in one run count. Every subject is a process of its own,
on the first core alone; load and origin share the others. Subjects take turns, round by round, and a ratio is the median of
the rounds', with the smallest and the largest beside it. *By CPU time* is the same ratio for each second of processor time
that the subject used: it says what a request costs where the load, not the subject, was the limit, and moves less with other
users of the machine. \`node-http\` answers by itself, and \`undici-loop\` does nothing but hand requests on: they are what Node
allows, not proxies one could use.

Loads have 64 connections, those of downloads 16, of uploads 4. A ratio is not the quotient of two medians in its table, for it
is taken round by round. A goal counts as met by the median, even where the range crosses it. *failed* counts answers that are
none of 2xx and connections that broke; they are in the rate too.

What passes on large bodies is decided by the allocator more than by the proxy, and differs from one start to the next:
[why, and what to set](operations.md#large-bodies-and-memory).
`

/** Writes docs/performance.md anew. */
export function savePage(findings: readonly Finding[]): void {
  const goals = findings.flatMap((finding) => finding.goals ?? [])
  const sections = [HEAD, `## What was to be reached\n\n${goalsTable(goals)}`, `## Where\n\n${conditions()}`]
  for (const { title, rows, notes = [] } of findings)
    sections.push([`## ${title}`, tableOf(rows), ...notes.map((note) => `${note}.`)].join('\n\n'))
  writeFileSync(page, `${sections.map((section) => section.trim()).join('\n\n')}\n`)
}

function goalsTable(goals: readonly Goal[]): string {
  return tableOf(
    goals.map(({ work, asked, reached, met }) => ({
      work,
      asked,
      reached,
      '': met === undefined ? '' : met ? 'met' : '**missed**',
    })),
  )
}

function conditions(): string {
  const [cpu] = cpus()
  const peers = PEERS.map((name) => `${name} ${versionOf(name)}`)
  const programs = [...systemVersions()].map(([name, version]) => `${name} ${version}`)
  return [
    `- ${new Date().toISOString().slice(0, 10)}, ${type()} ${release()}, ${cpu?.model.trim() ?? 'processor unknown'}, ${describeCores()}`,
    `- Node ${process.version}; undici ${versionAt('../../../node_modules/undici')}; load by ${generatorName}, at a fixed rate by autocannon`,
    `- from npm: ${peers.join(', ')}`,
    `- from the system: ${programs.join(', ') || 'none'}`,
  ].join('\n')
}

/** reply-from alone has a scope. */
function versionOf(peer: string): string {
  return versionAt(`../node_modules/${peer === 'reply-from' ? '@fastify/reply-from' : peer}`)
}

function versionAt(folder: string): string {
  const file = new URL(`${folder}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function tableOf(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const lines = rows.map((row) => columns.map((column) => shown(row[column])).join(' | '))
  return [columns.join(' | '), columns.map(() => '---').join(' | '), ...lines]
    .map((line) => `| ${line} |`)
    .join('\n')
}
