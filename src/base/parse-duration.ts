/** Milliseconds in each unit of Go's `time.ParseDuration`, the format of durations in Traefik's files. */
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

/** Characters of the longest text that is tried. On a long text of digits, the regular expression would take quadratic time. */
const MAX_LENGTH = 100

/**
 * Parses a duration to milliseconds: `"1m30s"`, `"500ms"`. A bare number is seconds. It returns undefined if the value is no
 * duration of 0 or more.
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
