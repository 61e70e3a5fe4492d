/**
 * Filters of the access log. A request is logged if at least one filter matches, or if there are no filters. Source: Traefik
 * 1.7's `[accessLog.filters]`.
 *
 * @example
 * ```ts
 * const filters: AccessLogFilters = { statusCodes: ['404', '500-599'], minDurationMs: 1_000 }
 * const proxy = createProxy({ config, accessLog: { file: 'access.log', filters } })
 * ```
 */
export interface AccessLogFilters {
  /**
   * Statuses and ranges of statuses: `404`, `500-599`. A request matches if its status is one of them. Source: Traefik's
   * `statusCodes`.
   *
   * @default undefined, which matches no request
   */
  readonly statusCodes?: readonly string[]
  /**
   * If true, requests match that were sent to a server more than once. Source: Traefik's `retryAttempts`.
   *
   * @default false
   */
  readonly retryAttempts?: boolean
  /**
   * Milliseconds. Requests that took longer match. With 0 this filter is off. Source: Traefik's `minDuration`.
   *
   * @default 0
   */
  readonly minDurationMs?: number
}

export function keeps(
  filters: AccessLogFilters,
  status: number,
  retries: number,
  durationMs: number,
): boolean {
  const { statusCodes, retryAttempts = false, minDurationMs = 0 } = filters
  if (statusCodes === undefined && !retryAttempts && minDurationMs === 0) return true
  if (retryAttempts && retries > 0) return true
  if (minDurationMs > 0 && durationMs > minDurationMs) return true
  return statusCodes?.some((range) => isWithin(range, status)) ?? false
}

function isWithin(range: string, status: number): boolean {
  const [first, last = first] = range.split('-')
  return status >= Number(first) && status <= Number(last)
}

/** Tells whether a text is a status or a range of statuses. */
export function isStatusRange(text: unknown): boolean {
  if (typeof text !== 'string' || !/^[1-9]\d\d(-[1-9]\d\d)?$/.test(text)) return false
  const [first, last = first] = text.split('-')
  return Number(first) <= Number(last)
}
