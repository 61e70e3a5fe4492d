import type { IRangeRequest, IRangeResponse } from 'etcd3'

/** A function that reads several key ranges in one request to etcd. */
export type ReadRanges = (requests: readonly IRangeRequest[]) => Promise<readonly IRangeResponse[]>

/**
 * A range of keys that has not been searched yet: from `from` (included) to `end` (not included). Both are relative to the folder
 * that is searched, and each of their characters is one byte of the key.
 */
interface Gap {
  readonly from: string
  readonly end: string
}

/**
 * Returns which of the wanted names exist directly below a folder. The case of letters does not matter. It reads only the first
 * key in each key range between two possible spellings, and skips keys with other names. So the number of those keys does not
 * matter.
 *
 * @param read reads several key ranges in one request
 * @param below the folder, with a slash at its end
 * @param wanted the names in lower case. An empty name stands for a doubled slash
 * @param revision the etcd revision of all reads
 * @throws Error for an answer that etcd would not give
 * @throws every error of `read`
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

/**
 * Returns the key ranges with which the search starts. For each first letter of the wanted names, there is one range for lower
 * case and one for upper case.
 */
function firstGaps(targets: readonly string[]): Gap[] {
  const letters = new Set(targets.flatMap(([first = '']) => [first.toUpperCase(), first]))
  return [...letters].map((first) => {
    const from = first === '/' ? first : (nextSpelling(targets, first) ?? first)
    return { from, end: String.fromCharCode(first.charCodeAt(0) + 1) }
  })
}

/** Returns the etcd request for the first key in a range that is still to be searched. */
function oneKeyIn(place: string, { from, end }: Gap, revision: string): IRangeRequest {
  const bytes = (text: string) => Buffer.from(place + text, 'latin1')
  return { key: bytes(from), range_end: bytes(end), limit: 1, keys_only: true, revision }
}

/**
 * Returns the name in the key that was found in a range, which ends at the next slash. Undefined if the range contains no key.
 */
function nameIn(answer: IRangeResponse | undefined, place: string, { from, end }: Gap): string | undefined {
  if (!answer) throw new Error('the answer has fewer ranges than were asked for')
  const [pair] = answer.kvs
  if (!pair) return undefined
  const key = pair.key.toString('latin1')
  const rest = key.slice(place.length)
  if (!key.startsWith(place) || rest < from || rest >= end)
    throw new Error(`asked for keys from ${place}${from} on, but the answer has ${key}`)
  const slash = rest.indexOf('/')
  return slash === -1 ? rest : rest.slice(0, slash)
}

/**
 * Returns the first possible spelling of a target name that sorts after the given text, in byte order. A spelling has each letter
 * in lower or upper case.
 */
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
    // The more leading characters a spelling has in common with the text, the earlier it sorts. So the last spelling that this
    // loop finds is the next one.
    if (greater !== undefined) next = begin + greater + target.slice(at + 1).toUpperCase()
    if (letter !== given.toLowerCase()) return next
  }
  return next
}
