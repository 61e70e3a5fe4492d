import { nullRecord } from '../base/records.js'
import type { ProviderConfig } from '../model/config.js'
import { asksForNothing, GUARDS } from '../model/guards.js'
import { DOCUMENT_PLACE, type FieldScope } from './field-case.js'

/** What stands for a guard whose value nobody needs: a document that holds it asks for the guard. */
const ASKED_FOR = true

type Fields = Readonly<Record<string, unknown>>

/**
 * A checked copy of a document with its dropped guards in it again, by name alone. A document that is kept for a later start
 * must not forget them: under other options it would serve, and nobody would know that a guard is missing.
 *
 * @param dropped their paths; without any, the copy is as it is
 * @param original what the copy was made of
 */
export function* withDroppedGuards(
  copy: ProviderConfig,
  dropped: readonly string[],
  original: unknown,
): Generator<void, ProviderConfig> {
  if (dropped.length === 0) return copy
  return (yield* guardsFrom(copy, original, DOCUMENT_PLACE, '')) as ProviderConfig
}

function* guardsFrom(
  copy: unknown,
  original: unknown,
  place: FieldScope,
  path: string,
): Generator<void, unknown> {
  if (!isRecord(copy) || !isRecord(original)) return copy
  const fields = Object.assign(nullRecord<unknown>(), copy)
  const at = (name: string) => (path === '' ? name : `${path}.${name}`)
  for (const name of place.shape.later)
    if (Object.hasOwn(GUARDS, at(name)) && !asksForNothing(original[name])) fields[name] = ASKED_FOR
  for (const [name, inside] of Object.entries(place.inside ?? {}))
    if (Object.hasOwn(copy, name))
      fields[name] = yield* guardsFrom(copy[name], original[name], inside, at(name))
  for (const [name, each] of Object.entries(place.each ?? {})) {
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
