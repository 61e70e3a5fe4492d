/** @import { Page } from './api-types.js' */

export const PAGE_SIZE = 200
/** Pages kept: what one may scroll back to without waiting. */
const KEPT = 12

/**
 * A long list of the API, fetched page by page where it is looked at.
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
   * Whoever drags the scroll bar over all the list wants only the pages where he stops.
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

  /** Reads what is looked at anew; what is known stays until the answer is there. */
  async refresh() {
    await Promise.all(this.#wanted.map((page) => this.#load(page)))
  }

  /** For another search: nothing that is known holds any more. */
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

  /** Pages of two generations never mix, here neither. @param {number} page @param {Page<T>} answer */
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
