import { readJson } from './api.js'
import { BackendCard } from './backend-card.js'
import { byId, setText } from './element.js'
import { formatCount } from './format.js'
import { pollWhileVisible } from './poll.js'
import { createSearchBox } from './search-box.js'

/** @import { Backend, Page } from './api-types.js' */

const PAGE_SIZE = 12

/**
 * Shows backends page by page, each with its servers. The search also finds names and URLs of servers, so an operator quickly
 * finds a server that is down.
 */
export function createBackends() {
  const place = byId('backends-list', HTMLElement)
  const empty = byId('backends-empty', HTMLElement)
  const pager = byId('backends-pager', HTMLElement)
  const previous = byId('backends-previous', HTMLButtonElement)
  const next = byId('backends-next', HTMLButtonElement)
  const range = byId('backends-range', HTMLElement)
  /** The cards on the page, by name of the backend. @type {Map<string, BackendCard>} */
  let cards = new Map()
  let offset = 0
  /** The sequence number of the newest request for backends. The answer to an older request may arrive later, and is ignored. */
  let asked = 0

  const search = createSearchBox('backends-search', 'backends', () => turnTo(0))
  previous.addEventListener('click', () => turnTo(offset - PAGE_SIZE))
  next.addEventListener('click', () => turnTo(offset + PAGE_SIZE))

  /** Shows the page of backends that begins at a position in the list. @param {number} to the position, from 0 */
  function turnTo(to) {
    offset = Math.max(0, to)
    void read()
  }

  async function read() {
    const question = ++asked
    try {
      const query = { search: search.text, offset, limit: PAGE_SIZE }
      const page = /** @type {Page<Backend>} */ (await readJson('backends', query))
      if (question === asked) show(page)
    } catch (error) {
      if (question === asked) search.tell(undefined, /** @type {Error} */ (error))
    }
  }

  /**
   * Shows one page of backends. If the list has become too short for this page, shows the last one.
   *
   * @param {Page<Backend>} page
   */
  function show(page) {
    const { matching, entries } = page
    if (entries.length === 0 && matching > 0)
      return turnTo(Math.floor((matching - 1) / PAGE_SIZE) * PAGE_SIZE)
    search.tell(page, undefined)
    setText(
      empty,
      search.text === '' ? 'No backends.' : `No backend has “${search.text}” in its name or servers.`,
    )
    empty.hidden = matching > 0
    drawPager(matching, entries.length)
    const drawn = new Map()
    for (const backend of entries) {
      const card = cards.get(backend.name) ?? new BackendCard(backend.name)
      card.draw(backend)
      drawn.set(backend.name, card)
    }
    cards = drawn
    const nodes = [...drawn.values()].map(({ node }) => node)
    // Replace the cards on the page only if other cards are shown now. Inserting the same cards again would lose the focus and
    // the selected text.
    if (
      nodes.length !== place.children.length ||
      nodes.some((node, index) => node !== place.children[index])
    ) {
      place.replaceChildren(...nodes)
    }
  }

  /**
   * Shows which part of the list is on the page, and whether there are pages before and after it.
   *
   * @param {number} matching the number of backends that match the search
   * @param {number} shown the number of backends on this page
   */
  function drawPager(matching, shown) {
    pager.hidden = matching <= PAGE_SIZE
    setText(range, `${formatCount(offset + 1)}–${formatCount(offset + shown)} of ${formatCount(matching)}`)
    // Disable the buttons with `aria-disabled`. The attribute `disabled` would take the focus away from a user who turns pages
    // with the keyboard.
    previous.setAttribute('aria-disabled', String(offset === 0))
    next.setAttribute('aria-disabled', String(offset + shown >= matching))
  }

  pollWhileVisible(byId('backends', HTMLElement), 2000, read)
  return {
    refresh: read,
    /** Searches for a backend and scrolls to the list of backends. @param {string} name */
    find(name) {
      search.set(name)
      byId('backends', HTMLElement).scrollIntoView()
    },
  }
}
