import { element, setText } from './element.js'
import { formatDuration, formatFull } from './format.js'

/**
 * Milliseconds by which the server's clock is ahead of the browser's. Without this, ages would be wrong if the two clocks
 * differ.
 */
let offset = 0

/** @param {number} serverNow the server's time, in milliseconds since the epoch */
export function setServerClock(serverNow) {
  offset = serverNow - Date.now()
}

export function serverNow() {
  return Date.now() + offset
}

/**
 * Creates an element with an age that updates itself.
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
