/**
 * Returns whether two values are equal plain data: primitive values, lists, and objects without a class. The proxy compares the
 * entries of a document at every switch to a new configuration. Node's `isDeepStrictEqual` would be slower, because it also
 * compares prototypes and symbols.
 */
export function isSameData(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  return isSameRecord(one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>)
}

// Compares two objects with `for ... in`. `Object.keys` would make a list for each object, and these lists would be most of the
// garbage of a large comparison.
function isSameRecord(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): boolean {
  let left = 0
  for (const name in one) {
    if (!Object.hasOwn(other, name) || !isSameData(one[name], other[name])) return false
    left += 1
  }
  for (const _name in other) left -= 1
  return left === 0
}
