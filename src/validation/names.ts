/** Names that reach a prototype in careless code. No document may use them. */
export const RESERVED_NAMES: readonly string[] = ['__proto__', 'constructor', 'prototype']

/**
 * The most bytes of a name. Ten documents whose names are megabytes would stand in the history, and be sent to each client that
 * looks at it.
 */
export const MAX_NAME_BYTES = 1_024

/** Whether a text is too long to name something. */
export function isLongName(text: string): boolean {
  // No character takes more than three bytes for each of its units.
  return text.length > MAX_NAME_BYTES / 3 && Buffer.byteLength(text) > MAX_NAME_BYTES
}

export function tooLong(text: string): string {
  return `is longer than ${MAX_NAME_BYTES} bytes: it has ${Buffer.byteLength(text)}`
}

/** Why a text is no name of a frontend, backend, server or route; undefined if it is one. */
export function flawOfName(name: string): string | undefined {
  if (isLongName(name)) return tooLong(name)
  if (RESERVED_NAMES.includes(name)) return 'is reserved'
  if (/^[a-z][\w.:/-]*$/i.test(name)) return undefined
  if (name === '') return 'is empty'
  if (name.includes('@')) return 'has "@" in it, which separates a name from its provider'
  return /\p{Cc}/u.test(name) ? 'has a control character in it' : undefined
}
