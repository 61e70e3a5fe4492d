import type { IRangeRequest, IRangeResponse } from 'etcd3'

/** How several ranges are read at once. */
export type ReadRanges = (requests: readonly IRangeRequest[]) => Promise<readonly IRangeResponse[]>

/** Where a search goes on: from here up to there, without the place itself. Byte for byte, one character each. */
interface Gap {
  readonly from: string
  readonly end: string
}

/**
 * Which of some names stand directly below a place, in any case of letters. It reads one key in each gap between spellings, and
 * steps over all keys that are no such name: there may be any number of them.
 *
 * @param below ends with a slash
 * @param wanted in small letters; an empty one stands for a doubled slash
 * @param revision at which is read
 * @throws Error for an answer that is none of etcd; whatever `read` throws
 */
export async function namesBelow(
  read: ReadRanges,
  below: string,
  wanted: readonly string[],
  revision: string,
): Promise<readonly string[]> {
  const place = Buffer.from(below).toString('latin1')
  const targets = wanted.flatMap((name) => (name === '' ? ['/'] : [name, `${name}/`]))
  const found: string[] = []
  let gaps = firstGaps(targets)
  while (gaps.length > 0) {
    const answers = await read(gaps.map((gap) => oneKeyIn(place, gap, revision)))
    gaps = gaps.flatMap((gap, at) => {
      const name = nameIn(answers[at], place, gap)
      if (name === undefined) return []
      const isWanted = wanted.includes(name.toLowerCase())
      if (isWanted) found.push(name)
      const from = nextSpelling(targets, isWanted ? `${name}/` : name)
      return from !== undefined && from < gap.end ? [{ from, end: gap.end }] : []
    })
  }
  return found
}

/** One for each letter that a name begins with, small and capital. */
function firstGaps(targets: readonly string[]): Gap[] {
  const letters = new Set(targets.flatMap(([first = '']) => [first.toUpperCase(), first]))
  return [...letters].map((first) => {
    const from = first === '/' ? first : (nextSpelling(targets, first) ?? first)
    return { from, end: String.fromCharCode(first.charCodeAt(0) + 1) }
  })
}

function oneKeyIn(place: string, { from, end }: Gap, revision: string): IRangeRequest {
  const bytes = (text: string) => Buffer.from(place + text, 'latin1')
  return { key: bytes(from), range_end: bytes(end), limit: 1, keys_only: true, revision }
}

function nameIn(answer: IRangeResponse | undefined, place: string, { from, end }: Gap): string | undefined {
  if (!answer) throw new Error('an answer with fewer ranges than were asked for')
  const [pair] = answer.kvs
  if (!pair) return undefined
  const key = pair.key.toString('latin1')
  const rest = key.slice(place.length)
  if (!key.startsWith(place) || rest < from || rest >= end)
    throw new Error(`asked for keys from ${place}${from} on, the answer has ${key}`)
  const slash = rest.indexOf('/')
  return slash === -1 ? rest : rest.slice(0, slash)
}

/** The first spelling of one of these texts in small and capital letters that comes after a text, in the order of bytes. */
export function nextSpelling(targets: readonly string[], after: string): string | undefined {
  let first: string | undefined
  for (const target of targets) {
    const next = nextSpellingOf(target, after)
    if (next !== undefined && (first === undefined || next < first)) first = next
  }
  return first
}

function nextSpellingOf(target: string, after: string): string | undefined {
  let next: string | undefined
  for (let at = 0; at < target.length; at += 1) {
    const begin = after.slice(0, at)
    if (at === after.length) return begin + target.slice(at).toUpperCase()
    const given = after[at] as string
    const letter = target[at] as string
    const greater = [letter.toUpperCase(), letter].find((spelling) => spelling > given)
    // What goes along with the text for longer comes before.
    if (greater !== undefined) next = begin + greater + target.slice(at + 1).toUpperCase()
    if (letter !== given.toLowerCase()) return next
  }
  return next
}
