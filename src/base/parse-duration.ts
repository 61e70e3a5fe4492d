/** Milliseconds in each time unit of Go's `time.ParseDuration`. Traefik's files write durations in that format. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g

/**
 * Maximum characters of a duration. A longer text is refused, because the regular expression would take quadratic time on a long
 * run of digits.
 */
const MAX_LENGTH = 100

/**
 * Parses a duration such as `"1m30s"` or `"500ms"` and returns milliseconds. A number without a unit is in seconds. Any other
 * value, such as a negative number, returns undefined.
 */
export function parseDuration(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000
  if (text === '' || text.replaceAll(PART, '') !== '') return undefined
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(PART)) ms += Number(count) * (UNITS[unit] ?? 0)
  return ms
}
