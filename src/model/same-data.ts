/**
 * Whether two pieces of plain data are the same: texts, numbers and the like, lists, and objects without a class. A
 * document's entries are compared at every switch, and node's `isDeepStrictEqual` looks at much that they cannot have.
 */
export function isSameData(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  return isSameRecord(one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>)
}

// Without lists of names: they would be most of what a large comparison leaves behind.
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
