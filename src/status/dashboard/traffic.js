import { formatCompact, formatCount, formatMany, formatMs, formatShare } from './format.js'
import { createPlot } from './plot.js'

/**
 * @import { Entry, Point } from './api-types.js'
 * @import { Mark } from './plot.js'
 */

const KEPT = 120

/** Creates the plots of the recent traffic. @param {HTMLElement} place the element to draw the plots in */
export function createTraffic(place) {
  const requests = createPlot('Requests')
  const errors = createPlot('Errors')
  const latency = createPlot('Latency')
  const inFlight = createPlot('In flight')
  place.replaceChildren(requests.node, errors.node, latency.node, inFlight.node)
  /** The traffic of the last two minutes, with one point for each second. @type {Point[]} */
  let points = []
  /** The times of new and refused configurations, which the plots mark. @type {Mark[]} */
  let marks = []

  const draw = () => {
    const last = points.at(-1)
    if (!last || document.visibilityState === 'hidden') return
    const times = points.map(({ at }) => Date.parse(at))
    const common = { times, marks, format: formatCompact }
    requests.draw({ ...common, ...requestsOf(points, last) })
    errors.draw({ ...common, ...errorsOf(points, last) })
    latency.draw({ ...common, ...latencyOf(points), format: formatMs })
    inFlight.draw({ ...common, ...inFlightOf(points, last) })
  }
  document.addEventListener('visibilitychange', draw)

  return {
    /** Replaces all points of the plots. @param {Point[]} all */
    reset(all) {
      points = all.slice(-KEPT)
      draw()
    },
    /** Adds the point of a new second. A point that is not newer than the last one is ignored. @param {Point} point */
    add(point) {
      const newest = points.at(-1)
      if (newest && Date.parse(point.at) <= Date.parse(newest.at)) return
      points = [...points, point].slice(-KEPT)
      draw()
    },
    /** Marks the times of new and refused configurations in the plots. @param {Entry[]} entries */
    mark(entries) {
      marks = entries.map(({ at, type }) => ({ at: Date.parse(at), kind: type }))
      draw()
    },
  }
}

/**
 * Adds up a number over all points, such as the requests of each second.
 *
 * @param {Point[]} points
 * @param {(point: Point) => number} pick returns the number of one point
 */
function sum(points, pick) {
  return points.reduce((total, point) => total + pick(point), 0)
}

/** Returns what the plot of requests shows. @param {Point[]} points @param {Point} last the newest point */
function requestsOf(points, last) {
  const values = points.map((point) => point.requests)
  const peak = Math.max(...values)
  const all = sum(points, (point) => point.requests)
  return {
    series: [{ name: 'requests', style: 'main', values }],
    atLeast: 5,
    now: `${formatCompact(last.requests)} /s`,
    about: `${last.requests} a second now, at most ${peak}, ${formatCount(all)} in two minutes`,
    facts: [`peak ${formatCompact(peak)} /s`, `${formatCompact(all)} in 2 min`],
  }
}

/** Returns the share of requests that failed in one second, from 0 to 1. @param {Point} point */
function errorShare({ requests, errors }) {
  return requests === 0 ? 0 : errors / requests
}

/** Returns what the plot of errors shows. @param {Point[]} points @param {Point} last the newest point */
function errorsOf(points, last) {
  const values = points.map((point) => errorShare(point) * 100)
  const failed = sum(points, ({ errors }) => errors)
  const all = sum(points, ({ requests }) => requests)
  const share = formatShare(errorShare(last))
  return {
    series: [{ name: 'errors', style: 'bad', values }],
    atLeast: 1,
    format: (/** @type {number} */ value) => `${formatCompact(value)} %`,
    now: share,
    about: `${share} of requests now, ${formatMany(failed, 'error')} in two minutes`,
    facts: [`${formatCompact(last.errors)} /s`, `${formatCompact(failed)} of ${formatCompact(all)} in 2 min`],
  }
}

/** Returns what the plot of latencies shows. @param {Point[]} points */
function latencyOf(points) {
  const last = points.findLast(({ p99Ms }) => p99Ms !== undefined)
  const facts = [
    `p50 ${formatMs(last?.p50Ms)}`,
    `p90 ${formatMs(last?.p90Ms)}`,
    `p99 ${formatMs(last?.p99Ms)}`,
  ]
  return {
    series: [
      { name: 'p50', style: 'main', values: points.map(({ p50Ms }) => p50Ms) },
      { name: 'p90', style: 'second', values: points.map(({ p90Ms }) => p90Ms) },
      { name: 'p99', style: 'third', values: points.map(({ p99Ms }) => p99Ms) },
    ],
    atLeast: 2,
    now: last ? `p50 ${formatMs(last.p50Ms)}` : '–',
    about: last ? facts.join(', ') : 'no request in two minutes',
    facts,
  }
}

/** Returns what the plot of requests in flight shows. @param {Point[]} points @param {Point} last the newest point */
function inFlightOf(points, last) {
  const values = points.map((point) => point.inFlight)
  const peak = Math.max(...values)
  return {
    series: [{ name: 'in flight', style: 'main', values }],
    atLeast: 5,
    now: formatCompact(last.inFlight),
    about: `${formatMany(last.inFlight, 'request')} in flight now, at most ${peak} in two minutes`,
    facts: [`peak ${formatCompact(peak)}`],
  }
}
