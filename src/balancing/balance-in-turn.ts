import { Heap } from './heap.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/** One server, and when it is its turn. */
interface Turn<U> {
  readonly upstream: U
  /** Its place among the others, from 0 to 1: it shifts its turns, so that those of equal servers are spread out. */
  readonly phase: number
  /** In each round it has as many turns as it weighs. */
  round: number
  /** How many of them it has had in this one. */
  had: number
  /** What it weighed as its next turn was set. */
  weight: number
}

/** Where in its round a turn is, from 0 to 1. The same in each round, to the last bit: equal turns never change their order. */
function placeOf<U>({ had, phase, weight }: Turn<U>): number {
  return (had + phase) / weight
}

function isEarlier<U>(one: Turn<U>, other: Turn<U>): boolean {
  if (one.round !== other.round) return one.round < other.round
  const [place, otherPlace] = [placeOf(one), placeOf(other)]
  return place === otherPlace ? one.phase < other.phase : place < otherPlace
}

/**
 * Weighted turns: the earliest is next, in O(log n). In every window of as many picks as the weights add up to each server has
 * exactly its share, spread out. Who may not have its turn loses it, so that nothing is made up for later. Source: earliest
 * deadline first, as in Envoy's scheduler.
 *
 * @param weightOf what a server weighs now, above 0
 */
export function balanceInTurn<U extends Candidate>(
  upstreams: readonly U[],
  weightOf: (upstream: U) => number,
): Strategy<U> {
  const turns = upstreams.map((upstream, index): Turn<U> => {
    const phase = (index + 0.5) / upstreams.length
    return { upstream, phase, round: 0, had: 0, weight: weightOf(upstream) }
  })
  for (const turn of turns) settle(turn)
  const heap = new Heap<Turn<U>>(isEarlier, turns)
  return (skip) => {
    const passed: Turn<U>[] = []
    let picked: Turn<U> | undefined
    for (let turn = heap.pop(); turn; turn = heap.pop()) {
      advance(turn, weightOf(turn.upstream))
      passed.push(turn)
      if (!isUsable(turn.upstream, skip)) continue
      picked = turn
      break
    }
    for (const turn of passed) heap.push(turn)
    return picked?.upstream
  }
}

/** Sets the next turn. One that weighs more or less than before goes on from where it is. */
function advance<U>(turn: Turn<U>, weight: number): void {
  if (weight !== turn.weight) {
    turn.had = placeOf(turn) * weight - turn.phase
    turn.weight = weight
  }
  turn.had += 1
  settle(turn)
}

/** Of weights below 1 a turn may be rounds away. */
function settle<U>(turn: Turn<U>): void {
  const rounds = Math.floor(placeOf(turn))
  if (rounds < 1) return
  turn.round += rounds
  turn.had -= rounds * turn.weight
}
