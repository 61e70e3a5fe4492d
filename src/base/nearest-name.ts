/** Returns the known name that a misspelt name most likely means, or undefined if no known name is similar enough. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.slice(0, MAX_COMPARED).toLowerCase()
  let nearest: string | undefined
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const knownName of known) {
    // A known name whose length differs this much cannot be nearer, so it is skipped. Long hostile names then cost little time.
    if (Math.abs(knownName.length - wanted.length) >= least) continue
    const distance = editDistance(wanted, knownName.toLowerCase())
    if (distance < least) {
      least = distance
      nearest = knownName
    }
  }
  return nearest
}

/**
 * Returns a suggestion for the end of an error message, such as `; the nearest known one is "x"`. It is empty if no known name is
 * similar.
 */
export function suggestName(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : `; the nearest known one is ${JSON.stringify(nearest)}`
}

/**
 * Returns a suggestion like `suggestName`, for a path that was written without its table or in another table. It suggests the
 * known path with the same last part, and nothing if several known paths have that part.
 */
export function suggestByEnd(name: string, paths: readonly string[]): string {
  const end = endOf(name)
  const [found, ...others] = paths.filter((path) => endOf(path) === end)
  return found === undefined || others.length > 0 ? '' : `; the nearest known one is ${JSON.stringify(found)}`
}

/** Returns the last part of the name of a key, a command line flag or an environment variable. */
function endOf(path: string): string | undefined {
  return path.toLowerCase().split(/[._]/).at(-1)
}

/**
 * Maximum characters of a name that are compared, so that long hostile names cost little time. The limit is half as long again as
 * the longest known name. So a name that was cut is not similar to any known name.
 */
const MAX_COMPARED = 80

/** Computes the Levenshtein distance of two texts: the number of characters to insert, remove or replace. */
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
