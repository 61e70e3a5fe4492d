/**
 * A text as a URL; undefined if it is none. `URL.canParse` is not asked: Node 20 takes a text with characters from U+0080 to
 * U+00FF for no URL once that call was compiled, and what is no URL is not looked at further.
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
