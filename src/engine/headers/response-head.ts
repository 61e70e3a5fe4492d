/** Returns a list of header names and values in turn without `Content-Length`. */
export function withoutLength(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at & ~1]?.toLowerCase() !== 'content-length')
}

/** Returns the `Content-Length` from a list of header names and values in turn; 0 if the list has none. */
export function lengthOf(headers: readonly string[]): number {
  const index = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length')
  return index < 0 ? 0 : Number(headers[index + 1])
}

/** Adds `Connection: close`, or the word `close` to a `Connection` header that is there. */
export function addClose(headers: string[]): void {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name === 'Connection')
  if (at < 0) headers.push('Connection', 'close')
  else headers[at + 1] = `${headers[at + 1]}, close`
}
