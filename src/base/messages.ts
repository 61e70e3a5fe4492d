/** A path in a document, for people: plain words with dots, all else quoted. */
export function pathOf(parent: string, name: string): string {
  if (!/^[\w-]{1,100}$/.test(name)) return `${parent}[${quote(name)}]`
  return parent === '' ? name : `${parent}.${name}`
}

/** A text of the document as it may stand in a message: quoted, and cut, for documents may hold names of megabytes. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text)
}

const MAX_QUOTED = 100

/** What a value is, for people. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (value === undefined) return 'nothing'
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `${typeof value} ${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}`
}

/** The same without what a text says, where it may be anything. */
export function describeKind(value: unknown): string {
  return typeof value === 'string' ? 'a text' : describeValue(value)
}
