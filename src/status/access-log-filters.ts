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
   * Response statuses and ranges of statuses, such as `404` and `500-599`. A request matches if the status of its response is one
   * of them. Source: Traefik's `statusCodes`.
   *
   * @default undefined, which matches no request
   */
  readonly statusCodes?: readonly string[]
  /**
   * If true, a request matches if the proxy sent it to a server more than once. Source: Traefik's `retryAttempts`.
   *
   * @default false
   */
  readonly retryAttempts?: boolean
  /**
   * Milliseconds. A request matches if it took longer. With 0, no request matches by its duration. Source: Traefik's
   * `minDuration`.
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

/** Tells whether a value is the text of an HTTP status or of a range of statuses, such as `404` or `500-599`. */
export function isStatusRange(text: unknown): boolean {
  if (typeof text !== 'string' || !/^[1-9]\d\d(-[1-9]\d\d)?$/.test(text)) return false
  const [first, last = first] = text.split('-')
  return Number(first) <= Number(last)
}
