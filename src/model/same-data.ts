/**
 * Whether two pieces of plain data are the same: texts, numbers and the like, lists, and objects without a class. A
 * document's entries are compared at every switch, and node's `isDeepStrictEqual` looks at much that they cannot have.
 */
export function isSameData(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const names = Object.keys(one)
  if (names.length !== Object.keys(other).length) return false
  return names.every(
    (name) =>
      Object.hasOwn(other, name) &&
      isSameData((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
  )
}
