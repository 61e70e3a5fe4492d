import { setAttributes } from './element.js'

/** The number of rows that are drawn above and below the visible ones, so that slow scrolling shows no gap. */
const OVERSCAN = 6
/**
 * The largest height of the element that contains the rows. Browsers limit the height of an element. In a taller list, one pixel
 * of the scroll bar stands for several pixels of the list.
 */
const TALLEST_PX = 8_000_000

/**
 * The elements of a `VirtualList`, and the functions that it calls.
 *
 * @typedef {object} VirtualListOptions
 * @property {HTMLElement} viewport the element that scrolls and has the focus. It contains the head (sticky) and the body.
 * @property {HTMLElement} head
 * @property {HTMLElement} body
 * @property {(row: HTMLElement, index: number) => void} drawRow fills a row. The row may already have content.
 * @property {(first: number, last: number) => void} onWindow called with the first and last row that are drawn
 * @property {(index: number) => void} onActive called with the row that became active, or with -1
 */

/**
 * A grid with any number of rows, of which only the visible ones exist as elements. All rows have the same height, which is the
 * CSS property `--row`.
 */
export class VirtualList {
  /** The elements of the list, and the functions that it calls. @type {VirtualListOptions} */
  #options
  /** The existing row elements, by the index of the row. @type {Map<number, HTMLElement>} */
  #rows = new Map()
  #total = 0
  #active = -1
  #rowHeight = 40
  #planned = false

  /** Creates a list without rows. @param {VirtualListOptions} options */
  constructor(options) {
    this.#options = options
    const { viewport, head, body } = options
    viewport.tabIndex = 0
    setAttributes(viewport, { role: 'grid', 'aria-readonly': 'true' })
    for (const group of [head, body]) setAttributes(group, { role: 'rowgroup' })
    viewport.addEventListener('scroll', () => this.#plan(), { passive: true })
    viewport.addEventListener('keydown', (event) => this.#onKey(event))
    body.addEventListener('click', (event) => this.#onClick(event))
    new ResizeObserver(() => this.#measure()).observe(viewport)
  }

  /** Sets the number of rows. @param {number} total */
  setTotal(total) {
    if (total === this.#total) return
    this.#total = total
    if (this.#active >= total) this.activate(-1)
    this.#measure()
  }

  get total() {
    return this.#total
  }

  get active() {
    return this.#active
  }

  /** Fills all existing row elements again. */
  redraw() {
    for (const [index, row] of this.#rows) this.#options.drawRow(row, index)
  }

  toStart() {
    this.activate(-1)
    this.#options.viewport.scrollTop = 0
  }

  /** Makes a row the active one. Arrow keys move from the active row to its neighbours. @param {number} index -1 for none */
  activate(index) {
    this.#rows.get(this.#active)?.removeAttribute('aria-selected')
    this.#active = index
    this.#rows.get(index)?.setAttribute('aria-selected', 'true')
    this.#tellActive()
    this.#options.onActive(index)
  }

  #measure() {
    const { viewport, body } = this.#options
    this.#rowHeight = Number.parseFloat(getComputedStyle(viewport).getPropertyValue('--row')) || 40
    body.style.height = `${this.#bodyHeight}px`
    this.#draw()
  }

  get #fullHeight() {
    return this.#total * this.#rowHeight
  }

  get #bodyHeight() {
    return Math.min(this.#fullHeight, TALLEST_PX)
  }

  get #seenHeight() {
    return Math.max(0, this.#options.viewport.clientHeight - this.#options.head.offsetHeight)
  }

  /**
   * The pixels of the full list for which one pixel of the scroll bar stands. It is 1, unless the list is taller than
   * `TALLEST_PX`.
   */
  get #scale() {
    const scrollable = this.#bodyHeight - this.#seenHeight
    return scrollable > 0 ? (this.#fullHeight - this.#seenHeight) / scrollable : 1
  }

  #plan() {
    if (this.#planned) return
    this.#planned = true
    requestAnimationFrame(() => {
      this.#planned = false
      this.#draw()
    })
  }

  #draw() {
    const { viewport, onWindow } = this.#options
    const position = viewport.scrollTop * this.#scale
    const first = Math.max(0, Math.floor(position / this.#rowHeight) - OVERSCAN)
    const end = Math.min(this.#total, Math.ceil((position + this.#seenHeight) / this.#rowHeight) + OVERSCAN)
    for (const [index, row] of this.#rows) {
      if (index >= first && index < end) continue
      row.remove()
      this.#rows.delete(index)
    }
    // Go from the last visible row to the first, because each row element is inserted before the next one.
    for (let index = end - 1; index >= first; index--) {
      const row = this.#rows.get(index) ?? this.#addRow(index)
      row.style.transform = `translateY(${index * this.#rowHeight - position + viewport.scrollTop}px)`
    }
    this.#tellActive()
    if (end > first) onWindow(first, end - 1)
  }

  /** Creates the element of a row and inserts the element into the list. @param {number} index */
  #addRow(index) {
    const row = document.createElement('div')
    row.className = 'row'
    row.id = `${this.#options.viewport.id}-row-${index}`
    row.setAttribute('role', 'row')
    // Add 2 to the index, because `aria-rowindex` starts at 1 and row 1 is the head of the grid.
    row.setAttribute('aria-rowindex', String(index + 2))
    row.dataset['index'] = String(index)
    if (index === this.#active) row.setAttribute('aria-selected', 'true')
    this.#options.drawRow(row, index)
    this.#rows.set(index, row)
    this.#insert(row, index)
    return row
  }

  /**
   * Inserts the element of a row before that of the next row, because a screen reader reads rows in document order.
   *
   * @param {HTMLElement} row
   * @param {number} index
   */
  #insert(row, index) {
    const next = this.#rows.get(index + 1)
    if (next) next.before(row)
    else this.#options.body.append(row)
  }

  #tellActive() {
    const row = this.#rows.get(this.#active)
    if (row) this.#options.viewport.setAttribute('aria-activedescendant', row.id)
    else this.#options.viewport.removeAttribute('aria-activedescendant')
  }

  /** Moves from the active row to another one, for arrow keys, Page Up, Page Down, Home and End. @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#total === 0) return
    const page = Math.max(1, Math.floor(this.#seenHeight / this.#rowHeight) - 1)
    /** The index of the row to which each key moves. @type {Record<string, number>} */
    const targets = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: Math.max(0, this.#active) + page,
      PageUp: this.#active - page,
      Home: 0,
      End: this.#total - 1,
    }
    const target = targets[event.key]
    if (target === undefined) return
    event.preventDefault()
    const index = Math.min(this.#total - 1, Math.max(0, target))
    this.#reveal(index)
    this.activate(index)
  }

  /** Scrolls the list until the whole row is visible. @param {number} index */
  #reveal(index) {
    const { viewport } = this.#options
    const position = viewport.scrollTop * this.#scale
    const top = index * this.#rowHeight
    const bottom = top + this.#rowHeight
    if (top < position) viewport.scrollTop = top / this.#scale
    else if (bottom > position + this.#seenHeight) {
      viewport.scrollTop = Math.ceil((bottom - this.#seenHeight) / this.#scale)
    }
    this.#draw()
  }

  /** Makes the row that the user has clicked the active one. @param {MouseEvent} event */
  #onClick(event) {
    const row = event.target instanceof Element ? event.target.closest('.row') : null
    if (row instanceof HTMLElement) this.activate(Number(row.dataset['index']))
  }
}
