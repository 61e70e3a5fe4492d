/**
 * Returns a part of a header value without the spaces and tabs around it (RFC 9110, 5.6.3). JavaScript's
 * `trim` would also remove the byte 0xA0. A server would then read another value than this proxy.
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
 * Returns a comma-separated header value without its empty elements, which mean
 * nothing (RFC 9110, 5.6.1.2). A value without empty elements is returned unchanged.
 */
export function withoutEmptyElements(list: string): string {
  return HAS_EMPTY_ELEMENT.test(list) ? elementsOf(list).join(', ') : list
}

/** Returns the elements of a comma-separated header value, without empty elements and without the blanks around each element. */
export function elementsOf(list: string): string[] {
  return list.split(',').flatMap((element) => withoutBlanks(element) || [])
}

/** Returns the first element of a comma-separated header value, and skips empty elements. Returns undefined if there is none. */
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
