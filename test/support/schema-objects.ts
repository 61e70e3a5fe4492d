import type { ObjectField } from '../../src/base/field-kinds.js'
import { eachOf, insideOf, placedFields } from '../../src/base/schema.js'
import { DOCUMENT } from '../../src/validation/document-schema.js'

const PLACED = new Map(placedFields(DOCUMENT).map(({ path, field }) => [path, field]))

/** The object at or below a field: `backends`, `backends.*.healthCheck`; `''` is the document. */
export function objectAt(path: string): ObjectField {
  const object = path === '' ? DOCUMENT : (insideOf(PLACED.get(path)) ?? eachOf(PLACED.get(path)))
  if (!object) throw new Error(`there is no object at ${path}`)
  return object
}

/** The names of an object's fields that are built. */
export function builtIn({ fields }: ObjectField): string[] {
  return Object.keys(fields).filter((name) => fields[name]?.kind !== 'later')
}

/** The names of an object's fields that are known and not built. */
export function notBuiltIn({ fields }: ObjectField): string[] {
  return Object.keys(fields).filter((name) => fields[name]?.kind === 'later')
}

/** The paths of all fields that are known and not built. */
export function pathsNotBuilt(): string[] {
  return placedFields(DOCUMENT).flatMap(({ path, field }) => (field.kind === 'later' ? path : []))
}
