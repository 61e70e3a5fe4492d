/**
 * Parses a URL, or returns undefined if the text is none. It does not ask `URL.canParse`. Once V8 has compiled that call, Node 20
 * answers false for a text with characters from U+0080 to U+00FF. A URL that counts as none would escape all further checks.
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
