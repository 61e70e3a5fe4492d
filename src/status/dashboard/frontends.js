import { readJson } from './api.js'
import { byId, element, setText } from './element.js'
import { formatCompact, formatCount, formatShare } from './format.js'
import { PAGE_SIZE, PagedSource } from './paged-source.js'
import { pollWhileVisible } from './poll.js'
import { createSearchBox } from './search-box.js'
import { VirtualList } from './virtual-list.js'

/** @import { Frontend, Page } from './api-types.js' */

const COLUMNS = [
  ['name', 'Frontend'],
  ['rule', 'Rule'],
  ['backend', 'Backend'],
  ['priority', 'Priority'],
  ['requests', 'Requests'],
  ['share', 'Share, 1 min'],
]

/**
 * Creates the searchable list of frontends. `onBackend` is called when the user chooses the backend of a frontend.
 *
 * @param {{ onBackend: (name: string) => void }} options
 */
export function createFrontends({ onBackend }) {
  const viewport = byId('frontends-grid', HTMLElement)
  viewport.setAttribute('aria-labelledby', 'frontends-title')
  viewport.setAttribute('aria-colcount', String(COLUMNS.length))
  const head = byId('frontends-head', HTMLElement)
  head.append(drawHead())
  const empty = byId('frontends-empty', HTMLElement)
  const detail = byId('frontend-detail', HTMLElement)
  const search = createSearchBox('frontends-search', 'frontends', () => {
    list.toStart()
    void source.restart()
  })
  /** The frontends that match the search, fetched page by page. @type {PagedSource<Frontend>} */
  const source = new PagedSource(fetchPage, () => show())
  const list = new VirtualList({
    viewport,
    head,
    body: byId('frontends-body', HTMLElement),
    drawRow: (row, index) => drawRow(row, source.entry(index)),
    onWindow: (first, last) => source.want(first, last),
    onActive: (index) => drawDetail(detail, source.entry(index), onBackend),
  })

  const show = () => {
    search.tell(source.counts, source.error)
    const matching = source.counts?.matching ?? 0
    setText(
      empty,
      search.text === '' ? 'No frontends.' : `No frontend has “${search.text}” in name, rule or backend.`,
    )
    empty.hidden = source.counts === undefined || matching > 0
    viewport.hidden = source.counts !== undefined && matching === 0
    viewport.setAttribute('aria-rowcount', String(matching + 1))
    list.setTotal(matching)
    list.redraw()
    followActive()
  }

  /**
   * Updates the detail view, so that it shows the active row. The data of the row may arrive after the row became active. A new
   * configuration may also put another frontend into the row.
   */
  function followActive() {
    const entry = source.entry(list.active)
    if (!entry) return
    if (detail.hidden) drawDetail(detail, entry, onBackend)
    else if (detail.querySelector('h3')?.textContent !== entry.name) list.activate(-1)
    else updateDetail(detail, entry)
  }

  /**
   * Fetches one page of frontends from the status API.
   *
   * @param {number} offset the position of the first frontend
   * @param {AbortSignal} signal
   */
  async function fetchPage(offset, signal) {
    const query = { search: search.text, offset, limit: PAGE_SIZE }
    return /** @type {Page<Frontend>} */ (await readJson('frontends', query, signal))
  }

  pollWhileVisible(byId('frontends', HTMLElement), 2000, () => source.refresh())
  return { refresh: () => source.refresh() }
}

function drawHead() {
  const titles = COLUMNS.map(([column, title = ''], place) =>
    element('div', { role: 'columnheader', class: `cell-${column}`, 'aria-colindex': place + 1 }, title),
  )
  return element('div', { role: 'row', class: 'row', 'aria-rowindex': 1 }, ...titles)
}

/**
 * Returns the cells of a table row. The cells are created once and then reused, because scrolling redraws dozens of rows in each
 * frame.
 *
 * @param {HTMLElement} row
 */
function cellsOf(row) {
  if (row.childElementCount === 0) {
    for (const [place, [column]] of COLUMNS.entries()) {
      row.append(
        element(
          'div',
          { role: 'gridcell', class: `cell-${column}`, 'aria-colindex': place + 1 },
          element('span'),
        ),
      )
    }
    row.querySelector('.cell-share')?.prepend(element('span', { class: 'share-bar' }, element('span')))
  }
  return [...row.querySelectorAll('[role="gridcell"] > span:last-child')]
}

/**
 * Fills a table row with the data of a frontend. `entry` is undefined while the data is being fetched.
 *
 * @param {HTMLElement} row
 * @param {Frontend | undefined} entry
 */
function drawRow(row, entry) {
  const cells = cellsOf(row)
  row.classList.toggle('loading', entry === undefined)
  const texts = entry
    ? [
        entry.name,
        entry.rule,
        entry.backend,
        formatCount(entry.priority),
        formatCompact(entry.requests),
        formatShare(entry.share),
      ]
    : ['…', '', '', '', '', '']
  for (const [place, text] of texts.entries()) {
    const cell = cells[place]
    if (cell) setText(cell, text)
  }
  const bar = row.querySelector('.share-bar > span')
  if (bar instanceof HTMLElement) bar.style.width = `${(entry?.share ?? 0) * 100}%`
}

/**
 * Shows the full values of one frontend, because its table row cuts long values short.
 *
 * @param {HTMLElement} place the element to draw in
 * @param {Frontend | undefined} entry
 * @param {(name: string) => void} onBackend called when the user clicks the name of the backend
 */
function drawDetail(place, entry, onBackend) {
  place.hidden = entry === undefined
  if (!entry) return
  const toBackend = element('button', { type: 'button', class: 'link' }, entry.backend)
  toBackend.addEventListener('click', () => onBackend(entry.backend))
  const facts = [fact('Backend', toBackend), fact('Priority', formatCount(entry.priority))]
  if (entry.entryPoints) facts.push(fact('Entry points', entry.entryPoints.join(', ')))
  facts.push(
    fact('Requests', element('span', { 'data-live': 'requests' })),
    fact('Share, last minute', element('span', { 'data-live': 'share' })),
  )
  place.replaceChildren(
    element('h3', {}, entry.name),
    element('p', { class: 'rule' }, entry.rule),
    element('dl', {}, ...facts),
  )
  updateDetail(place, entry)
}

/**
 * Updates only the numbers of the detail view. Redrawing the button in this view would take the focus away from the button.
 *
 * @param {HTMLElement} place
 * @param {Frontend} entry
 */
function updateDetail(place, entry) {
  for (const node of place.querySelectorAll('[data-live]')) {
    const requests = node.getAttribute('data-live') === 'requests'
    setText(node, requests ? formatCount(entry.requests) : formatShare(entry.share))
  }
}

/** Creates a term with its description, for a `<dl>` element. @param {string} name @param {Node | string} value */
function fact(name, value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value))
}
