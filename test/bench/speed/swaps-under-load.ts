import type { Finding } from '../parts/command-line.js'
import { type LoadFigures, load } from '../parts/load-generator.js'
import { median } from '../parts/percentiles.js'
import { OURS, startByName, startOrigin } from '../parts/subject.js'
import { inTurn, type Rounds, rowsOf, stopAll } from './throughput.js'

const SWAP_MS = 20
const FRONTENDS = 100

/** The same proxy twice, once with a new configuration fifty times a second. */
export async function swapsUnderLoad({ rounds, seconds }: Rounds): Promise<Finding> {
  const title = `small GET, with a swap of ${FRONTENDS} frontends every ${SWAP_MS} ms`
  const origin = await startOrigin()
  const env = { SUBJECT_FRONTENDS: String(FRONTENDS) }
  const swapping = await startByName(OURS, origin.port, { ...env, SUBJECT_SWAP_MS: String(SWAP_MS) })
  const still = await startByName(OURS, origin.port, env)
  const workload = { name: title, connections: 64 }
  // Until both are compiled by the engine: the first swaps take ten times as long.
  for (const { port } of [still, swapping]) await load(port, workload, 3)
  let swaps = 0
  const runs = await inTurn(title, { [OURS]: still, 'with swaps': swapping }, rounds, async (subject) => {
    const before = (await subject.ask?.<number>('generation')) ?? 0
    const figures: LoadFigures = await load(subject.port, workload, seconds)
    swaps += ((await subject.ask?.<number>('generation')) ?? 0) - before
    return figures
  })
  await stopAll(origin, { still, swapping })
  const p99 = (name: string) => (runs[name] ?? []).map((run) => run.p99)
  const without = p99(OURS)
  const ratio = median(p99('with swaps').map((value, round) => value / (without[round] ?? Number.NaN)))
  const failed = Object.values(runs)
    .flat()
    .reduce((sum, run) => sum + run.failed, 0)
  const reached = `${ratio.toFixed(2)}x, ${failed} failed, over ${swaps} swaps`
  return {
    title,
    rows: rowsOf(runs),
    goals: [
      {
        work: `p99 with a swap every ${SWAP_MS} ms against no swap`,
        asked: '<= 1.5x, 0 failed',
        reached,
        met: ratio <= 1.5 && failed === 0,
      },
    ],
    wrong: { failed, 'rounds without a swap': swaps > 0 ? 0 : 1 },
  }
}
