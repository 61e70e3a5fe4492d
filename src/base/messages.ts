/**
 * Appends a name to the path of a field in a document, for messages. Plain words are joined with dots, as in `backends.web`.
 * Other names are quoted in brackets.
 */
export function pathOf(parent: string, name: string): string {
  if (!/^[\w-]{1,100}$/.test(name)) return `${parent}[${quote(name)}]`
  return parent === '' ? name : `${parent}.${name}`
}

/**
 * Quotes a text from a document for a message. It cuts the text after 100 characters, because names in a document may be
 * megabytes long.
 */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text)
}

const MAX_QUOTED = 100

/** Returns a value's type, and for a simple value the start of its text, for an error message. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (value === undefined) return 'nothing'
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `${typeof value} ${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}`
}

/**
 * Describes a value like `describeValue`, but does not show the content of a string. It is used where the string may be a secret.
 */
export function describeKind(value: unknown): string {
  return typeof value === 'string' ? 'a text' : describeValue(value)
}
