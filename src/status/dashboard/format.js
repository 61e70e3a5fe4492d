const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const twoDigits = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Formats a number without decimals, such as `1,234,567`. @param {number} value */
export function formatCount(value) {
  return whole.format(value)
}

/** Formats a number briefly, for narrow places: `1.2M` for 1,234,567. @param {number} value */
export function formatCompact(value) {
  return Math.abs(value) < 10_000 ? oneDigit.format(value) : compact.format(value)
}

/**
 * Formats a number of things with their noun, such as `1 server` and `2 servers`.
 *
 * @param {number} count
 * @param {string} one the noun in the singular
 * @param {string} [many] the noun in the plural
 */
export function formatMany(count, one, many = `${one}s`) {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/**
 * Formats a duration in milliseconds, or in seconds if it is long. If it is undefined, returns a dash.
 *
 * @param {number | undefined} ms
 */
export function formatMs(ms) {
  if (ms === undefined) return '–'
  if (ms >= 9_999.5) return `${oneDigit.format(ms / SECOND)} s`
  if (ms >= 99.5) return `${whole.format(ms)} ms`
  return ms >= 10 ? `${oneDigit.format(ms)} ms` : `${twoDigits.format(ms)} ms`
}

/** Formats a share as a percentage, such as `12.3 %`. @param {number} share from 0 to 1 */
export function formatShare(share) {
  const percent = share * 100
  if (percent > 0 && percent < 0.1) return '< 0.1 %'
  return `${percent >= 99.95 || percent === 0 ? whole.format(percent) : percent.toFixed(1)} %`
}

/**
 * Formats a duration with one or two units, such as `8 s`, `5 min 3 s` and `2 h 10 min`. After ten minutes, seconds no longer
 * matter.
 *
 * @param {number} ms
 */
export function formatDuration(ms) {
  const past = Math.max(0, ms)
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s`
  if (past < 10 * MINUTE) return pair(past, MINUTE, 'min', SECOND, 's')
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`
  if (past < DAY) return pair(past, HOUR, 'h', MINUTE, 'min')
  return pair(past, DAY, 'd', HOUR, 'h')
}

/**
 * Formats a duration with two units, such as `2 h 10 min`.
 *
 * @param {number} ms
 * @param {number} large the larger unit, in milliseconds
 * @param {string} largeName
 * @param {number} small the smaller unit, in milliseconds
 * @param {string} smallName
 */
function pair(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small)
  return `${Math.floor(ms / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`
}

/**
 * Formats a point in time as the time of day. If it is not today, the date is added.
 *
 * @param {string | number} at
 */
export function formatTime(at) {
  const then = new Date(at)
  const today = then.toDateString() === new Date().toDateString()
  return today ? time.format(then) : `${date.format(then)}, ${time.format(then)}`
}

/** Formats a point in time with date, time of day and time zone. @param {string | number} at */
export function formatFull(at) {
  return full.format(new Date(at))
}
