import { element, setText } from './element.js'
import { formatDuration, formatFull } from './format.js'

/**
 * Milliseconds by which the server's clock is ahead of the browser's clock. Without this correction, the ages on the page would
 * be wrong if the two clocks differ.
 */
let offset = 0

/** Sets the time that the server's clock shows now. @param {number} serverNow milliseconds since the epoch */
export function setServerClock(serverNow) {
  offset = serverNow - Date.now()
}

export function serverNow() {
  return Date.now() + offset
}

/**
 * Creates a `<time>` element that shows how long ago a time was, and updates itself.
 *
 * @param {string} at the time (ISO 8601)
 * @param {'' | ' ago'} [suffix] the text after the age
 */
export function age(at, suffix = '') {
  const node = element('time', { datetime: at, 'data-since': suffix, title: formatFull(at) })
  refresh(node)
  return node
}

/** Updates the age that a `<time>` element shows. @param {HTMLTimeElement} node */
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
