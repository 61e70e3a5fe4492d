import { Heap } from './heap.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/** The next turn of one server. */
interface Turn<U> {
  readonly upstream: U
  /** The server's offset among all servers, from 0 to 1. It spreads out the turns of servers that have equal weights. */
  readonly phase: number
  /** The number of the round. In each round a server has as many turns as its weight. */
  round: number
  /** The number of turns that the server has had in this round. */
  had: number
  /** The server's weight at the time when this turn was set. */
  weight: number
}

/**
 * Returns the position of a turn in its round, from 0 to 1. It is the same number in each round, to the last bit. So turns at
 * equal positions never change their order.
 */
function positionInRound<U>({ had, phase, weight }: Turn<U>): number {
  return (had + phase) / weight
}

function isEarlier<U>(one: Turn<U>, other: Turn<U>): boolean {
  if (one.round !== other.round) return one.round < other.round
  const [position, otherPosition] = [positionInRound(one), positionInRound(other)]
  return position === otherPosition ? one.phase < other.phase : position < otherPosition
}

/**
 * Weighted round robin by earliest deadline first, as in Envoy's scheduler: the earliest turn is next, in O(log n). Within as
 * many picks as the weights add up to, each server gets exactly its share, spread out evenly. A server that may not be picked
 * loses its turn. It gets no extra requests later to make up for it.
 *
 * @param weightOf returns a server's present weight, which must be above 0
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

/** Sets a server's next turn. A server whose weight has changed keeps its position in the round. */
function advance<U>(turn: Turn<U>, weight: number): void {
  if (weight !== turn.weight) {
    turn.had = positionInRound(turn) * weight - turn.phase
    turn.weight = weight
  }
  turn.had += 1
  settle(turn)
}

/** Moves a turn to the round that it belongs to. A server with a weight below 1 may have no turn in some rounds. */
function settle<U>(turn: Turn<U>): void {
  const rounds = Math.floor(positionInRound(turn))
  if (rounds < 1) return
  turn.round += rounds
  turn.had -= rounds * turn.weight
}
