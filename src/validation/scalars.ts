import type { NamedField, NumberField } from '../base/field-kinds.js'
import { MAX_TIMER_MS } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { parseDuration } from '../base/parse-duration.js'

/** Returns what is wrong with a number; undefined for one within the bounds of its field. */
export function flawOfNumber(
  { isWhole, least, most, expected }: NumberField,
  value: number,
): string | undefined {
  const isNumber = isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)
  const isWithin = (least === undefined || value >= least) && (most === undefined || value <= most)
  return isNumber && isWithin ? undefined : `expected ${expected}, found ${describeValue(value)}`
}

/** Returns what is wrong with the number of names in an object. */
export function flawOfCount({ most }: NamedField, value: unknown): string | undefined {
  if (most === undefined || typeof value !== 'object' || value === null) return undefined
  const count = Object.keys(value).length
  return count <= most ? undefined : `expected at most ${most} names, found ${count}`
}

/** Returns what is wrong with a duration. It must be above 0, because work that repeats without a pause would block the process. */
export function flawOfDuration(value: unknown): string | undefined {
  const ms = parseDuration(value) ?? 0
  if (ms > 0 && ms <= MAX_TIMER_MS) return undefined
  const expected = 'expected a duration above 0, like "10s"; a bare number is seconds'
  return `${expected}; found ${describeValue(value)}`
}

/** Returns what is wrong with a choice; undefined for one of the known texts. */
export function flawOfChoice(known: readonly string[], value: unknown): string | undefined {
  if (known.includes(value as string)) return undefined
  return `expected one of ${known.join(', ')}, found ${describeValue(value)}`
}
