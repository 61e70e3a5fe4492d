import { requestOf, responseOf, switchOf, upgradeOf } from './grammar.js'
import { markOf } from './marks.js'
import { mutate } from './mutations.js'
import { Random } from './random.js'

export type Ending = 'end' | 'reset' | 'destroy'

/** A case in full: everything that client and server do. Data alone, so that one that failed can be kept as it was. */
export interface Script {
  readonly kind: 'request' | 'response' | 'tunnel' | 'pipeline'
  readonly number: number
  /** What the client sends, a character per byte; between pieces, other things happen. */
  readonly client: readonly string[]
  /** How many turns of the event loop the client stays after it has sent all; undefined: until it has got something. */
  readonly clientStays: number | undefined
  readonly clientEnd: Ending
  /** What the server of `/raw` answers to every head that comes from this case. */
  readonly server: readonly string[]
  /** What it does then; undefined: it waits for the other side. */
  readonly serverEnd: Ending | undefined
  /** Of a tunnel whose bytes were left as they are: what each side must have got of the other, or the beginning of it. */
  readonly intact: boolean
}

const ENDINGS: readonly Ending[] = ['end', 'end', 'reset', 'destroy']

/** The script of a case: the same for the same seed and number. */
export function scriptOf(seed: number, number: number): Script {
  const random = new Random(seed, number)
  const kind = random.pick(['request', 'request', 'response', 'response', 'tunnel', 'pipeline'] as const)
  const ends = {
    clientStays: random.maybe(0.6) ? undefined : random.below(30),
    clientEnd: random.pick(ENDINGS),
  }
  return { kind, number, ...ends, ...SIDES[kind](number, random) }
}

type Sides = Pick<Script, 'client' | 'server' | 'serverEnd' | 'intact'>

const SIDES: Readonly<Record<Script['kind'], (number: number, random: Random) => Sides>> = {
  request(number, random) {
    const bytes = mutate(requestOf(markOf(number, 0), random), random)
    return { client: inPieces(bytes, random), server: [], serverEnd: undefined, intact: false }
  },
  response(number, random) {
    const mark = markOf(number, 0)
    const server = inPieces(mutate(responseOf(mark, random), random), random)
    const serverEnd = random.maybe(0.5) ? random.pick(ENDINGS) : undefined
    return { client: [requestOf(mark, random, '/raw')], server, serverEnd, intact: false }
  },
  tunnel(number, random) {
    const mark = markOf(number, 0)
    const protocol = random.pick(['websocket', 'echo'])
    const intact = random.maybe(0.5)
    const change = (bytes: string) => (intact ? bytes : mutate(bytes, random))
    const pieces = () =>
      Array.from({ length: random.below(6) }, () => mark + random.bytes(random.below(3_000)))
    return {
      client: [change(upgradeOf(mark, protocol)), ...pieces()],
      server: [change(switchOf(mark, protocol)), ...pieces()],
      serverEnd: random.maybe(0.7) ? random.pick(ENDINGS) : undefined,
      intact,
    }
  },
  pipeline(number, random) {
    const requests = Array.from({ length: 2 + random.below(8) }, (_, part) =>
      requestOf(markOf(number, part), random, random.pick(['/echo', '/raw'])),
    )
    const client = inPieces(random.maybe(0.5) ? requests.join('') : mutate(requests.join(''), random), random)
    const server = [responseOf(markOf(number, 0), random)]
    return { client, server, serverEnd: random.maybe(0.2) ? random.pick(ENDINGS) : undefined, intact: false }
  },
}

/** The same bytes in one to four pieces. */
function inPieces(bytes: string, random: Random): string[] {
  const cuts = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1)).sort(
    (a, b) => a - b,
  )
  return [0, ...cuts].map((from, index) => bytes.slice(from, cuts[index])).filter((piece) => piece !== '')
}
