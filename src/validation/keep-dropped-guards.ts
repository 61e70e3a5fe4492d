import { asksForNothing } from '../base/asks-for-nothing.js'
import type { ObjectField } from '../base/field-kinds.js'
import { nullRecord } from '../base/records.js'
import { eachOf, insideOf } from '../base/schema.js'
import type { ProviderConfig } from '../model/config.js'
import { DOCUMENT } from './document-schema.js'

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
  return (yield* guardsFrom(copy, original, DOCUMENT)) as ProviderConfig
}

function* guardsFrom(copy: unknown, original: unknown, object: ObjectField): Generator<void, unknown> {
  if (!isRecord(copy) || !isRecord(original)) return copy
  const fields = Object.assign(nullRecord<unknown>(), copy)
  for (const [name, field] of Object.entries(object.fields)) {
    const [inside, each] = [insideOf(field), eachOf(field)]
    if (field.kind === 'later') {
      if (field.guard !== undefined && !asksForNothing(original[name])) fields[name] = ASKED_FOR
    } else if (inside && Object.hasOwn(copy, name)) {
      fields[name] = yield* guardsFrom(copy[name], original[name], inside)
    } else if (each && isRecord(copy[name]) && isRecord(original[name])) {
      fields[name] = yield* guardsFromEach(copy[name], original[name], each)
    }
  }
  return fields
}

function* guardsFromEach(copies: Fields, originals: Fields, object: ObjectField): Generator<void, unknown> {
  const all = nullRecord<unknown>()
  for (const [name, copy] of Object.entries(copies)) {
    all[name] = yield* guardsFrom(copy, originals[name], object)
    yield
  }
  return all
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
