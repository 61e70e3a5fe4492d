/**
 * Appends a name to a path in a document, as people read it. Plain words are joined with dots. Other names are quoted in
 * brackets.
 */
export function pathOf(parent: string, name: string): string {
  if (!/^[\w-]{1,100}$/.test(name)) return `${parent}[${quote(name)}]`
  return parent === '' ? name : `${parent}.${name}`
}

/**
 * Quotes a text of a document in a message. It cuts the text after 100 characters, because documents may have names of megabytes.
 */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text)
}

const MAX_QUOTED = 100

/** Describes a value's type, and the start of its text, for a message. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (value === undefined) return 'nothing'
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `${typeof value} ${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}`
}

/** Describes a value like `describeValue`, but leaves out what a text says. It is for places where the text may be a secret. */
export function describeKind(value: unknown): string {
  return typeof value === 'string' ? 'a text' : describeValue(value)
}
