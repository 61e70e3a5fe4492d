import { element } from './element.js'
import { formatMany } from './format.js'
import { keyOf } from './history.js'
import { createEntry } from './timeline-entry.js'

/** @import { Entry } from './api-types.js' */

const SHOWN = 8

/**
 * Creates the list of switches and refusals, newest first.
 *
 * @param {HTMLElement} place
 */
export function createTimeline(place) {
  const list = element('ol', { class: 'timeline' })
  const more = element('button', { type: 'button', class: 'quiet' })
  /** @type {Map<string, HTMLElement>} */
  const items = new Map()
  /** @type {Entry[]} */
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
    // Entries that are already in the list keep their elements, because one may be open or have the focus.
    /** @type {Element | null} */
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
    // The button has disappeared, so the first new entry gets the focus.
    list.children[SHOWN]?.querySelector('summary')?.focus()
  })

  return {
    /** @param {Entry[]} entries newest first */
    draw(entries) {
      known = entries
      const empty = element('p', { class: 'empty' }, 'No switch and no refusal yet.')
      if (entries.length === 0) place.replaceChildren(empty)
      else if (list.parentElement !== place) place.replaceChildren(list, more)
      draw()
    },
    /** Opens an entry and scrolls to it. @param {string} key */
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
