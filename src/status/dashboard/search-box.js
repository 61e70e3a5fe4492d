import { byId, setText } from './element.js'
import { formatCount } from './format.js'
import { debounced } from './poll.js'

const PAUSE_MS = 180

/**
 * Sets up the search box of a list, and the line of text that shows the number of matches.
 *
 * @param {string} id the id of the input element. The id of the line is `<id>-count`.
 * @param {string} what the plural noun for the entries, such as `backends`
 * @param {() => void} onSearch called when the user has changed the text
 */
export function createSearchBox(id, what, onSearch) {
  const input = byId(id, HTMLInputElement)
  const line = byId(`${id}-count`, HTMLElement)
  input.addEventListener('input', debounced(PAUSE_MS, onSearch))
  return {
    get text() {
      return input.value.trim()
    },
    /** Searches for a text, and moves the focus to the search box. @param {string} text */
    set(text) {
      input.value = text
      onSearch()
      input.focus()
    },
    /**
     * Shows the number of matches, or the error. `counts` is undefined while the list is being read.
     *
     * @param {{ total: number, matching: number } | undefined} counts
     * @param {Error | undefined} error
     */
    tell(counts, error) {
      line.classList.toggle('bad', error !== undefined)
      if (error) setText(line, `Cannot be read: ${error.message}`)
      else if (!counts) setText(line, 'Reading …')
      else if (input.value.trim() === '') setText(line, `${formatCount(counts.total)} ${what}`)
      else setText(line, `${formatCount(counts.matching)} of ${formatCount(counts.total)} ${what}`)
    },
  }
}
