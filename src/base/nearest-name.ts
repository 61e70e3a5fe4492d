/** Returns the known name that a misspelt name most likely means. It returns undefined if no name is near enough. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.slice(0, MAX_COMPARED).toLowerCase()
  let nearest: string | undefined
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const knownName of known) {
    // A name that differs this much in length cannot be nearer. Skipping it here keeps hostile names cheap.
    if (Math.abs(knownName.length - wanted.length) >= least) continue
    const distance = editDistance(wanted, knownName.toLowerCase())
    if (distance < least) {
      least = distance
      nearest = knownName
    }
  }
  return nearest
}

/** Returns `; the nearest known one is "x"` for the end of a message, or an empty text. */
export function suggestName(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : `; the nearest known one is ${JSON.stringify(nearest)}`
}

/**
 * Returns the same for a path that was written without its table, or in another table. It suggests the one known path with the
 * same last part, and nothing if there are several.
 */
export function suggestByEnd(name: string, paths: readonly string[]): string {
  const end = endOf(name)
  const [found, ...others] = paths.filter((path) => endOf(path) === end)
  return found === undefined || others.length > 0 ? '' : `; the nearest known one is ${JSON.stringify(found)}`
}

/** Returns the last part of a key, a flag or a variable. */
function endOf(path: string): string | undefined {
  return path.toLowerCase().split(/[._]/).at(-1)
}

/**
 * The most characters of a name that are compared. It is half as long again as the longest known name, so a name that was cut is
 * near to none. The limit keeps long hostile names cheap.
 */
const MAX_COMPARED = 80

/** Computes the Levenshtein distance. */
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
