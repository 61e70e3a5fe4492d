/**
 * Parses a URL, or returns undefined if the text is not a URL. `URL.canParse` is not used because of a bug in Node 20: after V8
 * has compiled the call, it answers false for characters from U+0080 to U+00FF. A URL that is taken for invalid would escape all
 * further checks.
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
