import { element, setText } from './element.js'
import { formatCompact, formatCount, formatMany, formatMs } from './format.js'

/** @import { Backend, Server } from './api-types.js' */

const SERVERS_SHOWN = 24

const STATES = {
  up: { mark: '●', word: 'up' },
  down: { mark: '✕', word: 'down' },
  off: { mark: '○', word: 'off' },
}

/**
 * The columns of the table of servers. Numbers that show problems come first, because a phone shows only the first few columns.
 */
const COLUMNS = [
  { name: 'Server', about: '' },
  { name: 'In flight', about: 'requests in flight' },
  { name: 'Errors', about: '' },
  { name: 'Mean', about: 'mean latency' },
  { name: 'p99', about: '99th percentile of latency' },
  { name: 'Requests', about: '' },
  { name: 'Conns', about: 'connections' },
  { name: 'Weight', about: '' },
]

/** Shows one backend and its servers. The card is redrawn often, so it keeps its HTML elements and changes only their texts. */
export class BackendCard {
  #about = element('p', { class: 'backend-about' })
  #health = element('p', { class: 'backend-health' })
  #rows = element('tbody')
  #more = element('button', { type: 'button', class: 'quiet' })
  #all = false
  /** The backend that was drawn last. @type {Backend | undefined} */
  #backend

  /** Creates a card without servers. @param {string} name the name of the backend */
  constructor(name) {
    this.#more.addEventListener('click', () => {
      this.#all = true
      if (this.#backend) this.draw(this.#backend)
    })
    const table = element(
      'table',
      {},
      element('caption', { class: 'unseen' }, `Servers of ${name}`),
      element('thead', {}, element('tr', {}, ...COLUMNS.map(headOf))),
      this.#rows,
    )
    this.node = element(
      'article',
      { class: 'backend' },
      element('header', {}, element('h3', {}, name), this.#health, this.#about),
      element(
        'div',
        { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': `Servers of ${name}` },
        table,
      ),
      this.#more,
    )
  }

  /** Shows the current state of the backend and its servers. @param {Backend} backend */
  draw(backend) {
    this.#backend = backend
    const { method, requests, retries, inFlight, servers } = backend
    const down = servers.filter(({ state }) => state === 'down').length
    setText(this.#health, healthOf(servers.length, down))
    this.#health.className = `backend-health ${down > 0 ? 'bad' : ''}`
    setText(
      this.#about,
      `${method} · ${formatCompact(inFlight)} in flight · ${formatCompact(requests)} requests · ${formatMany(retries, 'retry', 'retries')}`,
    )
    const shown = this.#all ? servers : servers.slice(0, SERVERS_SHOWN)
    while (this.#rows.rows.length > shown.length) this.#rows.deleteRow(-1)
    for (const [place, server] of shown.entries()) {
      drawServer(this.#rows.rows[place] ?? addRow(this.#rows), server)
    }
    this.#more.hidden = shown.length === servers.length
    setText(this.#more, `Show all ${formatMany(servers.length, 'server')}`)
  }
}

/** Creates the head cell of a column. @param {{ name: string, about: string }} column */
function headOf({ name, about }) {
  return about === ''
    ? element('th', { scope: 'col' }, name)
    : element('th', { scope: 'col' }, element('abbr', { title: about }, name))
}

/**
 * Returns a text that says how many servers there are, and how many of them are down.
 *
 * @param {number} all
 * @param {number} down
 */
function healthOf(all, down) {
  if (all === 0) return 'no servers'
  return down > 0 ? `✕ ${down} of ${formatMany(all, 'server')} down` : `● ${formatMany(all, 'server')}`
}

/** Adds an empty row for one server to the table. @param {HTMLTableSectionElement} body */
function addRow(body) {
  const row = body.insertRow()
  row.append(
    element(
      'th',
      { scope: 'row' },
      element('span', { class: 'server-state' }, element('span', { 'aria-hidden': 'true' }), element('span')),
      element('span', { class: 'server-name' }),
      element('span', { class: 'server-url' }),
    ),
    ...COLUMNS.slice(1).map(() => element('td')),
  )
  return row
}

/** Fills a table row with the state and the numbers of a server. @param {HTMLTableRowElement} row @param {Server} server */
function drawServer(row, server) {
  const { mark, word } = STATES[server.state]
  row.dataset['state'] = server.state
  const heads = row.querySelectorAll('th > span, .server-state > span')
  const texts = [undefined, mark, ` ${word}`, server.name, server.url]
  for (const [place, text] of texts.entries()) {
    const target = heads[place]
    if (text !== undefined && target) setText(target, text)
  }
  const numbers = [
    formatCompact(server.inFlight),
    formatCompact(server.errors),
    formatMs(server.meanMs),
    formatMs(server.p99Ms),
    formatCompact(server.requests),
    formatCompact(server.connections),
    formatCount(server.weight),
  ]
  for (const [place, text] of numbers.entries()) {
    const cell = row.cells[place + 1]
    if (cell) setText(cell, text)
  }
  row.cells[2]?.classList.toggle('bad', server.errors > 0)
}
