/** The number of items that are sorted, or merged, in one step. */
const RUN = 2_000

/**
 * Sorts a copy of a list in steps. The caller can serve requests between two steps, so no request waits until 100,000 frontends
 * are sorted.
 */
export function* sortSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Generator<void, T[]> {
  let runs: T[][] = []
  for (let start = 0; start < items.length; start += RUN) {
    runs.push(items.slice(start, start + RUN).sort(compare))
    yield
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(yield* merge(runs[index] as T[], runs[index + 1] ?? [], compare))
    }
    runs = merged
  }
  return runs[0] ?? []
}

function* merge<T>(
  one: readonly T[],
  other: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<void, T[]> {
  const merged: T[] = []
  let a = 0
  let b = 0
  while (a < one.length || b < other.length) {
    // If two items are equal, the item of `one` comes first, because it stood before the item of `other` in the unsorted list.
    const fromOne = b >= other.length || (a < one.length && compare(one[a] as T, other[b] as T) <= 0)
    merged.push((fromOne ? one[a++] : other[b++]) as T)
    if (merged.length % RUN === 0) yield
  }
  return merged
}
