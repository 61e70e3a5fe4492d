/**
 * Returns a part of a header without the blanks around it. Blanks are spaces and tabs only (RFC 9110,
 * 5.6.3). `trim` also removes the byte 0xA0, so that a server would read another value than this proxy.
 *
 * @param start index where the part begins
 * @param end index after the part's last character
 */
export function withoutBlanks(text: string, start = 0, end = text.length): string {
  let [first, last] = [start, end]
  while (first < last && isBlank(text.charCodeAt(first))) first += 1
  while (last > first && isBlank(text.charCodeAt(last - 1))) last -= 1
  return text.slice(first, last)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

const HAS_EMPTY_ELEMENT = /^[ \t]*(?:,|$)|,[ \t]*(?:,|$)/

/**
 * Returns a list without its empty elements, which mean nothing (RFC 9110, 5.6.1.2). A list that has none comes back unchanged.
 */
export function withoutEmptyElements(list: string): string {
  return HAS_EMPTY_ELEMENT.test(list) ? elementsOf(list).join(', ') : list
}

/** Returns the elements of a list that are not empty, without the blanks around them. */
export function elementsOf(list: string): string[] {
  return list.split(',').flatMap((element) => withoutBlanks(element) || [])
}

/** Returns the first element of a list that is not empty. */
export function firstOf(value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined
  const text = String(value)
  for (let start = 0; start <= text.length; ) {
    const comma = text.indexOf(',', start)
    const end = comma < 0 ? text.length : comma
    const element = withoutBlanks(text, start, end)
    if (element !== '') return element
    start = end + 1
  }
  return undefined
}
