import { STATUS_CODES } from 'node:http'
import { hostname } from 'node:os'
import type { Traffic } from './traffic.js'

/** Returns the data that `/health` answers with. Field names, units and duration texts are those of Traefik 1.7. */
export function healthView(traffic: Traffic) {
  const { totals, startedAt, recentErrors, lastSecond } = traffic
  const now = new Date()
  const uptime = (now.getTime() - startedAt) / 1e3
  const average = (total: number) => (totals.count === 0 ? 0 : total / totals.count)
  return {
    pid: process.pid,
    hostname: hostname(),
    uptime: duration(uptime),
    uptime_sec: uptime,
    time: now.toISOString(),
    unixtime: Math.floor(now.getTime() / 1e3),
    status_code_count: Object.fromEntries(lastSecond),
    total_status_code_count: Object.fromEntries(totals.byCode),
    count: sum(lastSecond.values()),
    total_count: totals.count,
    total_response_time: duration(totals.seconds),
    total_response_time_sec: totals.seconds,
    total_response_size: totals.bytes,
    average_response_size: Math.round(average(totals.bytes)),
    average_response_time: duration(average(totals.seconds)),
    average_response_time_sec: average(totals.seconds),
    total_metrics_counts: {},
    average_metrics_timers: {},
    recent_errors: recentErrors.map(({ status, method, host, path, at }) => ({
      status_code: status,
      status: STATUS_CODES[status] ?? '',
      method,
      host,
      path,
      time: new Date(at).toISOString(),
    })),
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

/** Formats a duration as Go does: `1h2m3.5s`, `12.3ms`, `45µs`. */
export function duration(seconds: number): string {
  if (seconds === 0) return '0s'
  if (seconds < 1e-3) return `${rounded(seconds * 1e6)}µs`
  if (seconds < 1) return `${rounded(seconds * 1e3)}ms`
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  const rest = `${rounded(seconds % 60)}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
