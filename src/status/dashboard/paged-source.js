/** @import { Page } from './api-types.js' */

export const PAGE_SIZE = 200
/** The number of pages that are kept, so that a user can scroll back without waiting. */
const KEPT = 12

/**
 * Holds a long list of the API. Pages are fetched when the user scrolls to them.
 *
 * @template T
 */
export class PagedSource {
  /** @type {(offset: number, signal: AbortSignal) => Promise<Page<T>>} */
  #fetchPage
  /** @type {() => void} */
  #onChange
  /** @type {Map<number, T[]>} */
  #pages = new Map()
  /** @type {Map<number, AbortController>} */
  #running = new Map()
  /** @type {number[]} */
  #wanted = [0]
  #generation = -1
  /** @type {{ total: number, matching: number } | undefined} */
  counts
  /** @type {Error | undefined} */
  error

  /**
   * @param {(offset: number, signal: AbortSignal) => Promise<Page<T>>} fetchPage
   * @param {() => void} onChange
   */
  constructor(fetchPage, onChange) {
    this.#fetchPage = fetchPage
    this.#onChange = onChange
  }

  /** @param {number} index @returns {T | undefined} */
  entry(index) {
    return this.#pages.get(Math.floor(index / PAGE_SIZE))?.[index % PAGE_SIZE]
  }

  /**
   * Fetches the pages for these rows, and stops fetching others. A user who drags the scroll bar needs only the last position.
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

  /** Reads the visible pages again. The old entries stay until the answer arrives. */
  async refresh() {
    await Promise.all(this.#wanted.map((page) => this.#load(page)))
  }

  /** Starts again with a new search, for which no known page is valid. */
  async restart() {
    this.#pages.clear()
    this.#wanted = [0]
    this.#generation = -1
    await this.refresh()
  }

  /** @param {number} page */
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

  /** Stores a page. Pages of two generations are never mixed. @param {number} page @param {Page<T>} answer */
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
