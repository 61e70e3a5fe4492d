import { parseArgs } from 'node:util'
import { median, percentile } from '../bench/parts/percentiles.js'
import { hostile } from './run.js'

const HELP = `tsx test/hostile/hostile.ts [options]

Hostile clients, servers and documents around one proxy, drawn from a seed, while bystanders go on asking for what they
always ask for. A client has 4 connections and a million bytes, a server one response, a document a million bytes. No
bystander may fail, and the proxy's process must live. How long bystanders wait is printed.

  --minutes N   how long (default 1)
  --seed N      the acts (default: of the clock; printed, so that a run can be repeated)
  --only TEXT   the kinds whose names have this in them
  --help        this text`

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (given.help) {
  console.log(HELP)
  process.exit(0)
}
const seed = Number(given.seed ?? Date.now() % 1_000_000)
const seconds = Number(given.minutes ?? 1) * 60
if (!(seed > 0 && seconds > 0)) {
  console.error(`expected numbers above 0\n\n${HELP}`)
  process.exit(2)
}
console.log(`seed ${seed}`)
const figures = await hostile({ seed, seconds, only: given.only, tell: console.log })
const p99 = (times: readonly number[]) => percentile(times, 0.99)
const byWait = Object.entries(figures.kinds).sort(([, a], [, b]) => b.worstMs - a.worstMs)
console.log('\nkinds by the longest wait of a bystander (ms), with the most memory more than before it (MiB)')
for (const [name, { acts, worstMs, moreMiB }] of byWait)
  console.log(`${worstMs.toFixed(0).padStart(6)} ${moreMiB.toFixed(0).padStart(6)}  ${name} (${acts} times)`)
console.log(`
quiet: ${figures.quiet.length} requests, p50 ${median(figures.quiet).toFixed(1)}, p99 ${p99(figures.quiet).toFixed(1)} ms
beside hostility: ${figures.hostile.length} requests, p50 ${median(figures.hostile).toFixed(1)}, p99 ${p99(figures.hostile).toFixed(1)} ms, ratio of p99 ${(p99(figures.hostile) / p99(figures.quiet)).toFixed(2)}
memory: ${figures.moreMiB.toFixed(0)} MiB more at most; ${figures.leftMiB.toFixed(0)} MiB more in use at the end
documents: ${figures.rejected} refusals, ${figures.changed} switches
${figures.failures.length} failed${figures.ended === undefined ? '' : `; ${figures.ended}`}`)
for (const failure of figures.failures.slice(0, 20)) console.log(failure)
process.exit(figures.failures.length === 0 && figures.ended === undefined ? 0 : 1)
