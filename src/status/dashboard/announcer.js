import { byId } from './element.js'

/**
 * Announces texts to users of screen readers, who do not see the page change. A live region speaks only its last text. So texts
 * that come within 150 ms are joined.
 */
/** @type {string[]} */
let waiting = []

/** @param {string} text */
export function announce(text) {
  waiting.push(text)
  if (waiting.length > 1) return
  setTimeout(() => {
    byId('announcer', HTMLElement).textContent = waiting.slice(-3).join(' ')
    waiting = []
  }, 150)
}
