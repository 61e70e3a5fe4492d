import type { ConnectionOptions } from './connector.js'
import { Upstream } from './upstream.js'

interface Held {
  readonly upstream: Upstream
  /** Of snapshots that requests may still pick from. */
  holds: number
  /** By how many of those that serve, or are about to. */
  named: number
}

/**
 * All upstreams of an engine. Live state outlives configurations: an upstream lives from the first snapshot that
 * holds it to the last, so a server that stays in the next generation keeps its connections.
 */
export class Upstreams {
  readonly #options: ConnectionOptions
  readonly #held = new Map<string, Held>()
  /** No snapshot holds them any more, but they have sockets still: requests may be under way. */
  readonly #leaving = new Map<string, Upstream>()

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /**
   * The upstream of an origin, held until released. One that was leaving comes back: its sockets count still.
   *
   * @param address the one of its name to connect to. Default: any
   */
  hold(origin: string, address?: string): Upstream {
    const key = Upstream.keyOf(origin, address)
    let entry = this.#held.get(key)
    if (entry === undefined) {
      const upstream = this.#leaving.get(key) ?? new Upstream(origin, this.#options, address)
      this.#leaving.delete(key)
      entry = { upstream, holds: 0, named: 0 }
      this.#held.set(key, entry)
    }
    entry.holds += 1
    entry.named += 1
    entry.upstream.leftAt = undefined
    return entry.upstream
  }

  /** One that is nobody else's, and that its user destroys. */
  apart(origin: string, address?: string): Upstream {
    const ended = new AbortController()
    return new Upstream(origin, { ...this.#options, ended }, address)
  }

  /** How connections are made. */
  get options(): ConnectionOptions {
    return this.#options
  }

  /** A configuration that named it was replaced, though requests may still hold it. */
  leave(upstream: Upstream): void {
    const entry = this.#held.get(upstream.key)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.named -= 1
    if (entry.named > 0) return
    upstream.leftAt = performance.now()
    upstream.closeIdle()
  }

  /** Gives a hold back. With the last one the upstream closes; what is under way on it runs on. */
  release(upstream: Upstream): void {
    const entry = this.#held.get(upstream.key)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.holds -= 1
    if (entry.holds > 0) return
    this.#held.delete(upstream.key)
    // Most were never asked for anything.
    if (!upstream.isOpen) return
    this.#leaving.set(upstream.key, upstream)
    void upstream.close().finally(() => {
      // It may have come back, and left once more.
      if (this.#leaving.get(upstream.key) === upstream && !upstream.isOpen) this.#leaving.delete(upstream.key)
    })
  }

  /** Closes every connection without a request. @returns whether there were any */
  closeIdle(): boolean {
    let closed = 0
    for (const { upstream } of this.#held.values()) closed += upstream.dropIdle()
    return closed > 0
  }

  /** Cuts every connection, also of upstreams that were leaving. */
  async destroy(): Promise<void> {
    const all = [...this.#leaving.values(), ...[...this.#held.values()].map(({ upstream }) => upstream)]
    this.#held.clear()
    await Promise.all(all.map((upstream) => upstream.destroy()))
  }
}
