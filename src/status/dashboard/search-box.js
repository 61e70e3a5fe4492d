import { byId, setText } from './element.js'
import { formatCount } from './format.js'
import { debounced } from './poll.js'

const PAUSE_MS = 180

/**
 * Creates a search box with a line that shows the number of matches.
 *
 * @param {string} id the id of the input. The id of the line is `<id>-count`.
 * @param {string} what the plural noun for the entries
 * @param {() => void} onSearch
 */
export function createSearchBox(id, what, onSearch) {
  const input = byId(id, HTMLInputElement)
  const line = byId(`${id}-count`, HTMLElement)
  input.addEventListener('input', debounced(PAUSE_MS, onSearch))
  return {
    get text() {
      return input.value.trim()
    },
    /** @param {string} text */
    set(text) {
      input.value = text
      onSearch()
      input.focus()
    },
    /** @param {{ total: number, matching: number } | undefined} counts @param {Error | undefined} error */
    tell(counts, error) {
      line.classList.toggle('bad', error !== undefined)
      if (error) setText(line, `Cannot be read: ${error.message}`)
      else if (!counts) setText(line, 'Reading …')
      else if (input.value.trim() === '') setText(line, `${formatCount(counts.total)} ${what}`)
      else setText(line, `${formatCount(counts.matching)} of ${formatCount(counts.total)} ${what}`)
    },
  }
}
