/** Milliseconds in each unit of Go's `time.ParseDuration`, in which Traefik's files are written. */
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

/** More than any duration takes. A document's text of digits alone would keep the expression busy for its square. */
const MAX_LENGTH = 100

/** In milliseconds: `"1m30s"`, `"500ms"`; a bare number is seconds. Undefined for what is no duration of 0 or more. */
export function parseDuration(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000
  if (text === '' || text.replaceAll(PART, '') !== '') return undefined
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(PART)) ms += Number(count) * (UNITS[unit] ?? 0)
  return ms
}
