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

/** @param {number} value */
export function formatCount(value) {
  return whole.format(value)
}

/** Formats a number briefly, for places that are too narrow for 1,234,567. @param {number} value */
export function formatCompact(value) {
  return Math.abs(value) < 10_000 ? oneDigit.format(value) : compact.format(value)
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function formatMany(count, one, many = `${one}s`) {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** @param {number | undefined} ms */
export function formatMs(ms) {
  if (ms === undefined) return '–'
  if (ms >= 9_999.5) return `${oneDigit.format(ms / SECOND)} s`
  if (ms >= 99.5) return `${whole.format(ms)} ms`
  return ms >= 10 ? `${oneDigit.format(ms)} ms` : `${twoDigits.format(ms)} ms`
}

/** @param {number} share 0..1 */
export function formatShare(share) {
  const percent = share * 100
  if (percent > 0 && percent < 0.1) return '< 0.1 %'
  return `${percent >= 99.95 || percent === 0 ? whole.format(percent) : percent.toFixed(1)} %`
}

/** Formats a duration in its two largest units. After an hour, seconds no longer matter. @param {number} ms */
export function formatDuration(ms) {
  const past = Math.max(0, ms)
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s`
  if (past < 10 * MINUTE) return pair(past, MINUTE, 'min', SECOND, 's')
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`
  if (past < DAY) return pair(past, HOUR, 'h', MINUTE, 'min')
  return pair(past, DAY, 'd', HOUR, 'h')
}

/**
 * @param {number} ms
 * @param {number} large
 * @param {string} largeName
 * @param {number} small
 * @param {string} smallName
 */
function pair(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small)
  return `${Math.floor(ms / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`
}

/**
 * Formats a time of day. If it was on another day, the date is added.
 *
 * @param {string | number} at
 */
export function formatTime(at) {
  const then = new Date(at)
  const today = then.toDateString() === new Date().toDateString()
  return today ? time.format(then) : `${date.format(then)}, ${time.format(then)}`
}

/** @param {string | number} at */
export function formatFull(at) {
  return full.format(new Date(at))
}
