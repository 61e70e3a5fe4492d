import { byId } from './element.js'

/** The texts that wait to be announced. @type {string[]} */
let waiting = []

/**
 * Announces a text to users of screen readers, who do not see the page change. A screen reader speaks only the last text of a
 * live region. So texts that come within 150 ms are joined.
 *
 * @param {string} text
 */
export function announce(text) {
  waiting.push(text)
  if (waiting.length > 1) return
  setTimeout(() => {
    byId('announcer', HTMLElement).textContent = waiting.slice(-3).join(' ')
    waiting = []
  }, 150)
}
