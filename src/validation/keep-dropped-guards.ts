import { nullRecord } from '../base/records.js'
import type { ProviderConfig } from '../model/config.js'
import { asksForNothing, GUARDS } from '../model/guards.js'
import { DOCUMENT_SCOPE, type FieldScope } from './field-case.js'

/** Stands for the value of a dropped guard, which is not needed. A document that contains it asks for the guard. */
const ASKED_FOR = true

type Fields = Readonly<Record<string, unknown>>

/**
 * Returns a copy of a checked document with its dropped guards put back, by name alone. A document that is kept for a later start
 * must not forget them. Otherwise it would serve under stricter options without a sign that a guard is missing.
 *
 * @param dropped the paths of the dropped guards. If there are none, the copy is returned as it is.
 * @param original the document from which the copy was made
 */
export function* withDroppedGuards(
  copy: ProviderConfig,
  dropped: readonly string[],
  original: unknown,
): Generator<void, ProviderConfig> {
  if (dropped.length === 0) return copy
  return (yield* guardsFrom(copy, original, DOCUMENT_SCOPE, '')) as ProviderConfig
}

function* guardsFrom(
  copy: unknown,
  original: unknown,
  scope: FieldScope,
  path: string,
): Generator<void, unknown> {
  if (!isRecord(copy) || !isRecord(original)) return copy
  const fields = Object.assign(nullRecord<unknown>(), copy)
  const at = (name: string) => (path === '' ? name : `${path}.${name}`)
  for (const name of scope.shape.later)
    if (Object.hasOwn(GUARDS, at(name)) && !asksForNothing(original[name])) fields[name] = ASKED_FOR
  for (const [name, inside] of Object.entries(scope.inside ?? {}))
    if (Object.hasOwn(copy, name))
      fields[name] = yield* guardsFrom(copy[name], original[name], inside, at(name))
  for (const [name, each] of Object.entries(scope.each ?? {})) {
    const [entries, originals] = [copy[name], original[name]]
    if (!isRecord(entries) || !isRecord(originals)) continue
    const all = nullRecord<unknown>()
    for (const [own, entry] of Object.entries(entries)) {
      all[own] = yield* guardsFrom(entry, originals[own], each, `${at(name)}.*`)
      yield
    }
    fields[name] = all
  }
  return fields
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
