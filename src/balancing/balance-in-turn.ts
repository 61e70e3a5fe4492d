import { Heap } from './heap.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/** The turn that one server has next in the round robin. */
interface Turn<U> {
  readonly upstream: U
  /**
   * The server's position in the list of servers, as a fraction from 0 to 1. It spreads out the turns of servers with equal
   * weights.
   */
  readonly phase: number
  /** The number of the round that the turn is in. In each round, a server has as many turns as its weight. */
  round: number
  /** The number of turns that the server has already had in the round of this turn. */
  had: number
  /** The server's weight when this turn was computed. */
  weight: number
}

/**
 * Returns the position of a turn in its round, from 0 to 1. A server's turn has the same position in each round, to the last bit.
 * So two turns at equal positions always keep their order.
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
 * Creates the strategy "weighted round robin" with earliest deadline first, as in Envoy's scheduler. The earliest turn is picked
 * next, in O(log n). In as many picks as the weights add up to, each server gets exactly its share, spread out evenly. A server
 * that may not be picked loses its turn. It gets no extra requests later to make up for the lost turn.
 *
 * @param weightOf returns a server's current weight, which must be above 0
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

/**
 * Moves a server on to its next turn. If the server's weight has changed, the next turn is computed from the same position in the
 * round.
 */
function advance<U>(turn: Turn<U>, weight: number): void {
  if (weight !== turn.weight) {
    turn.had = positionInRound(turn) * weight - turn.phase
    turn.weight = weight
  }
  turn.had += 1
  settle(turn)
}

/**
 * Moves a turn whose position is behind the end of its round to a later round. A server with a weight below 1 may skip rounds.
 */
function settle<U>(turn: Turn<U>): void {
  const rounds = Math.floor(positionInRound(turn))
  if (rounds < 1) return
  turn.round += rounds
  turn.had -= rounds * turn.weight
}
