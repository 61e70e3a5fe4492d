import { readJson } from './api.js'
import { BackendCard } from './backend-card.js'
import { byId, setText } from './element.js'
import { formatCount } from './format.js'
import { pollWhileVisible } from './poll.js'
import { createSearchBox } from './search-box.js'

/** @import { Backend, Page } from './api-types.js' */

const PAGE_SIZE = 12

/** Shows backends page by page, each with its servers. An operator who searches for a server that is down sees it at once. */
export function createBackends() {
  const place = byId('backends-list', HTMLElement)
  const empty = byId('backends-empty', HTMLElement)
  const pager = byId('backends-pager', HTMLElement)
  const previous = byId('backends-previous', HTMLButtonElement)
  const next = byId('backends-next', HTMLButtonElement)
  const range = byId('backends-range', HTMLElement)
  /** @type {Map<string, BackendCard>} */
  let cards = new Map()
  let offset = 0
  /** The number of the last request. Older answers may arrive later and are ignored. */
  let asked = 0

  const search = createSearchBox('backends-search', 'backends', () => turnTo(0))
  previous.addEventListener('click', () => turnTo(offset - PAGE_SIZE))
  next.addEventListener('click', () => turnTo(offset + PAGE_SIZE))

  /** @param {number} to */
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

  /** @param {Page<Backend>} page */
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
    // Replace the elements only if they differ. Replacing equal ones would lose the focus and the selected text.
    if (
      nodes.length !== place.children.length ||
      nodes.some((node, index) => node !== place.children[index])
    ) {
      place.replaceChildren(...nodes)
    }
  }

  /** @param {number} matching @param {number} shown */
  function drawPager(matching, shown) {
    pager.hidden = matching <= PAGE_SIZE
    setText(range, `${formatCount(offset + 1)}–${formatCount(offset + shown)} of ${formatCount(matching)}`)
    // `disabled` would take the focus away from a user who turns pages with the keyboard.
    previous.setAttribute('aria-disabled', String(offset === 0))
    next.setAttribute('aria-disabled', String(offset + shown >= matching))
  }

  pollWhileVisible(byId('backends', HTMLElement), 2000, read)
  return {
    refresh: read,
    /** @param {string} name */
    find(name) {
      search.set(name)
      byId('backends', HTMLElement).scrollIntoView()
    },
  }
}
