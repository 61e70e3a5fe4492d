import { byId } from './element.js'

/**
 * Says something to those who do not see the page change. What comes in a burst is said in one breath: a live region
 * that is written twice in a row speaks the second text alone.
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
