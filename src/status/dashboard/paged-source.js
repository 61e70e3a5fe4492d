/** @import { Page } from './api-types.js' */

export const PAGE_SIZE = 200
/** The number of fetched pages that are kept in memory, so that a user can scroll back without waiting. */
const KEPT = 12

/**
 * Holds a long list that is read from the status API in pages. A page is fetched when the user scrolls to it.
 *
 * @template T
 */
export class PagedSource {
  /** Fetches the page that begins at `offset`. @type {(offset: number, signal: AbortSignal) => Promise<Page<T>>} */
  #fetchPage
  /** Called when a page has arrived, or could not be fetched. @type {() => void} */
  #onChange
  /** The entries of the fetched pages, by number of the page. @type {Map<number, T[]>} */
  #pages = new Map()
  /** The controllers that abort the fetches in progress, by number of the page. @type {Map<number, AbortController>} */
  #running = new Map()
  /** The numbers of the pages that have visible rows. At first, that is page 0. @type {number[]} */
  #wanted = [0]
  #generation = -1
  /** The number of all entries, and of those that match the search. @type {{ total: number, matching: number } | undefined} */
  counts
  /** The error of the last fetch. Undefined if the fetch has succeeded. @type {Error | undefined} */
  error

  /**
   * Creates a list of which no page has been fetched.
   *
   * @param {(offset: number, signal: AbortSignal) => Promise<Page<T>>} fetchPage
   * @param {() => void} onChange called when a page has arrived, or could not be fetched
   */
  constructor(fetchPage, onChange) {
    this.#fetchPage = fetchPage
    this.#onChange = onChange
  }

  /** Returns an entry of the list. Undefined if its page has not been fetched. @param {number} index @returns {T | undefined} */
  entry(index) {
    return this.#pages.get(Math.floor(index / PAGE_SIZE))?.[index % PAGE_SIZE]
  }

  /**
   * Fetches the pages that contain these rows, and aborts the fetches of other pages. A user who drags the scroll bar needs only
   * the rows at the last position.
   *
   * @param {number} first
   * @param {number} last
   */
  want(first, last) {
    const from = Math.floor(first / PAGE_SIZE)
    const to = Math.floor(last / PAGE_SIZE)
    this.#wanted = Array.from({ length: to - from + 1 }, (_, step) => from + step)
    for (const [page, controller] of this.#running) {
      if (!this.#wanted.includes(page)) controller.abort()
    }
    for (const page of this.#wanted) {
      if (!this.#pages.has(page) && !this.#running.has(page)) void this.#load(page)
    }
  }

  /** Fetches the visible pages again. The old entries stay until the new ones arrive. */
  async refresh() {
    await Promise.all(this.#wanted.map((page) => this.#load(page)))
  }

  /** Forgets all pages and fetches the first one, because the user has entered another search. */
  async restart() {
    this.#pages.clear()
    this.#wanted = [0]
    this.#generation = -1
    await this.refresh()
  }

  /** Fetches one page. If a fetch of this page is in progress, it is aborted. @param {number} page the number of the page */
  async #load(page) {
    this.#running.get(page)?.abort()
    const controller = new AbortController()
    this.#running.set(page, controller)
    try {
      const answer = await this.#fetchPage(page * PAGE_SIZE, controller.signal)
      if (controller.signal.aborted) return
      this.#keep(page, answer)
      this.error = undefined
    } catch (error) {
      if (controller.signal.aborted) return
      this.error = error instanceof Error ? error : new Error(String(error))
    } finally {
      if (this.#running.get(page) === controller) this.#running.delete(page)
    }
    this.#onChange()
  }

  /**
   * Stores a page. If the page belongs to another generation than the stored pages, the stored pages are dropped first. So pages
   * of two generations are never mixed.
   *
   * @param {number} page the number of the page
   * @param {Page<T>} answer
   */
  #keep(page, { generation, total, matching, entries }) {
    if (generation !== this.#generation) this.#pages.clear()
    this.#generation = generation
    this.counts = { total, matching }
    this.#pages.set(page, entries)
    for (const old of this.#pages.keys()) {
      if (this.#pages.size <= KEPT) break
      if (!this.#wanted.includes(old)) this.#pages.delete(old)
    }
  }
}
