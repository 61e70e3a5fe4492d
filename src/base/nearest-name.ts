/** The known name that a misspelt one most likely meant, if any is near enough to be worth naming. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.slice(0, MAX_COMPARED).toLowerCase()
  let nearest: string | undefined
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    // So much longer or shorter is too far already; it also keeps hostile candidates cheap.
    if (Math.abs(candidate.length - wanted.length) >= least) continue
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < least) {
      least = distance
      nearest = candidate
    }
  }
  return nearest
}

/** For a message: `; the nearest known one is "x"`, or nothing. */
export function suggestName(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : `; the nearest known one is ${JSON.stringify(nearest)}`
}

/**
 * For a message: the one path that ends as a name does which was written without its table, or in another one. Nothing where
 * several end so.
 */
export function suggestByEnd(name: string, paths: readonly string[]): string {
  const end = endOf(name)
  const [found, ...others] = paths.filter((path) => endOf(path) === end)
  return found === undefined || others.length > 0 ? '' : `; the nearest known one is ${JSON.stringify(found)}`
}

/** The last part of a key, a flag or a variable. */
function endOf(path: string): string | undefined {
  return path.toLowerCase().split(/[._]/).at(-1)
}

/**
 * Half as long again as any known name, so that what is cut is near to none: two names may differ at their ends alone. What is
 * beyond is cut, so that hostile names cost nothing.
 */
const MAX_COMPARED = 80

/** Levenshtein's distance. */
function editDistance(from: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
