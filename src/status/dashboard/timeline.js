import { element } from './element.js'
import { formatMany } from './format.js'
import { keyOf } from './history.js'
import { createEntry } from './timeline-entry.js'

/** @import { Entry } from './api-types.js' */

const SHOWN = 8

/**
 * Creates the timeline. It lists switches to a new configuration and refused configurations, newest first.
 *
 * @param {HTMLElement} place the element to draw the timeline in
 */
export function createTimeline(place) {
  const list = element('ol', { class: 'timeline' })
  const more = element('button', { type: 'button', class: 'quiet' })
  /** The list items of the timeline, by the key that `keyOf` returns for their entry. @type {Map<string, HTMLElement>} */
  const items = new Map()
  /** All known entries of the configuration history, newest first. @type {Entry[]} */
  let known = []
  let all = false

  const draw = () => {
    const shown = all ? known : known.slice(0, SHOWN)
    const keys = new Set(shown.map(keyOf))
    for (const [key, item] of items) {
      if (keys.has(key)) continue
      item.remove()
      items.delete(key)
    }
    /**
     * The list item before which the next new entry is inserted. Entries that are already in the list keep their HTML elements,
     * because an entry may be open or have the focus.
     *
     * @type {Element | null}
     */
    let before = list.firstElementChild
    for (const entry of shown) {
      const item = items.get(keyOf(entry)) ?? createEntry(entry)
      items.set(keyOf(entry), item)
      if (item === before) before = before.nextElementSibling
      else list.insertBefore(item, before)
    }
    more.hidden = all || known.length <= SHOWN
    more.textContent = `Show ${formatMany(known.length - SHOWN, 'older entry', 'older entries')}`
  }

  more.addEventListener('click', () => {
    all = true
    draw()
    // Move the focus to the first entry that has appeared. The button that had the focus is hidden now.
    list.children[SHOWN]?.querySelector('summary')?.focus()
  })

  return {
    /** Draws the timeline. @param {Entry[]} entries newest first */
    draw(entries) {
      known = entries
      const empty = element('p', { class: 'empty' }, 'No switch and no refusal yet.')
      if (entries.length === 0) place.replaceChildren(empty)
      else if (list.parentElement !== place) place.replaceChildren(list, more)
      draw()
    },
    /** Opens an entry of the timeline and scrolls to the entry. @param {string} key the result of `keyOf` */
    show(key) {
      if (!items.has(key)) {
        all = true
        draw()
      }
      const details = items.get(key)?.querySelector('details')
      if (!details) return
      details.open = true
      details.querySelector('summary')?.focus({ preventScroll: true })
      details.scrollIntoView({ block: 'center' })
    },
  }
}
