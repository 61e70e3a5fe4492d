import { percentile } from './percentiles.js'

/** Work that is timed: called with a number that counts up, again and again. Its answer keeps it from being optimised away. */
export type Work = (index: number) => unknown

/** Two pieces of work, timed in turn. */
export interface Comparison {
  /** Nanoseconds a call, the median of the rounds. */
  readonly ours: number
  readonly theirs: number
  /** Ours to theirs: the median of the rounds, and the least and most of them. */
  readonly ratio: number
  readonly least: number
  readonly most: number
}

/** Times two pieces of work in turn, so that whatever else the machine does meets both. */
export function sideBySide(ours: Work, theirs: Work, rounds: number, roundMs: number): Comparison {
  const calls = [callsIn(ours, roundMs), callsIn(theirs, roundMs)] as const
  const times: [number, number][] = []
  for (let round = 0; round < rounds; round += 1) {
    times.push([nanoseconds(ours, calls[0]), nanoseconds(theirs, calls[1])])
  }
  const ratios = times.map(([one, other]) => one / other)
  const medianOf = (which: 0 | 1) =>
    percentile(
      times.map((pair) => pair[which]),
      0.5,
    )
  return {
    ours: medianOf(0),
    theirs: medianOf(1),
    ratio: percentile(ratios, 0.5),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
  }
}

/** How many calls last so long; warms the work up too. */
function callsIn(work: Work, ms: number): number {
  let calls = 1_000
  for (;;) {
    const each = nanoseconds(work, calls)
    if (each * calls >= ms * 1e6) return calls
    calls = Math.ceil(Math.min(calls * 10, ((ms * 1e6) / each) * 1.2))
  }
}

let kept: unknown

function nanoseconds(work: Work, calls: number): number {
  const start = process.hrtime.bigint()
  let last: unknown
  for (let index = 0; index < calls; index += 1) last = work(index)
  const spent = Number(process.hrtime.bigint() - start)
  kept = last
  return spent / calls
}

/** What the last work answered. */
export function lastAnswer(): unknown {
  return kept
}
