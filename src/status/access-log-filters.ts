/** A request is logged if one of these holds; all are if none is given. Source: Traefik 1.7's `[accessLog.filters]`. */
export interface AccessLogFilters {
  /** Statuses and ranges of them: `404`, `500-599`. */
  readonly statusCodes?: readonly string[]
  /** Those that were sent again at least once. */
  readonly retryAttempts?: boolean
  /** Those that took longer, in milliseconds. Default 0: this keeps none. */
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

/** Whether a text is a status, or a range of them. */
export function isStatusRange(text: unknown): boolean {
  if (typeof text !== 'string' || !/^[1-9]\d\d(-[1-9]\d\d)?$/.test(text)) return false
  const [first, last = first] = text.split('-')
  return Number(first) <= Number(last)
}
