import { element, setText } from './element.js'
import { formatDuration, formatFull } from './format.js'

/** The server's clock less ours: an operator's laptop may be minutes off, and ages would lie. */
let offset = 0

/** @param {number} serverNow milliseconds since the epoch, as the server sees them */
export function setServerClock(serverNow) {
  offset = serverNow - Date.now()
}

export function serverNow() {
  return Date.now() + offset
}

/**
 * An age that grows by itself.
 *
 * @param {string} at
 * @param {'' | ' ago'} [suffix]
 */
export function age(at, suffix = '') {
  const node = element('time', { datetime: at, 'data-since': suffix, title: formatFull(at) })
  refresh(node)
  return node
}

/** @param {HTMLTimeElement} node */
function refresh(node) {
  const past = serverNow() - Date.parse(node.dateTime)
  setText(node, `${formatDuration(past)}${node.dataset['since'] ?? ''}`)
}

export function startClock() {
  setInterval(() => {
    if (document.visibilityState === 'hidden') return
    for (const node of document.querySelectorAll('time[data-since]')) {
      if (node instanceof HTMLTimeElement) refresh(node)
    }
  }, 1000)
}
