import type { ConnectionOptions } from './connector.js'
import { Upstream } from './upstream.js'

interface Held {
  readonly upstream: Upstream
  /** The number of holds. Each server of a snapshot has one, until no request can pick from that snapshot. */
  holds: number
  /** The number of servers with this upstream, in all snapshots that serve or are being compiled. */
  named: number
}

/**
 * All upstreams of an engine. An upstream lives from the first snapshot that holds it to the last. So a server that stays in
 * the next generation keeps its connections.
 */
export class Upstreams {
  readonly #options: ConnectionOptions
  readonly #held = new Map<string, Held>()
  /** Upstreams that no snapshot holds, but that still have sockets. Requests may be under way on them. */
  readonly #leaving = new Map<string, Upstream>()

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /**
   * Returns the upstream of an origin. It stays until `release` is called. If the upstream was about to close, it comes back, and
   * its sockets still count.
   *
   * @param address the address to connect to. Without it, the system chooses an address of the host name.
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

  /** Returns an upstream that only the caller uses. The caller must destroy it. */
  createUnshared(origin: string, address?: string): Upstream {
    const ended = new AbortController()
    return new Upstream(origin, { ...this.#options, ended }, address)
  }

  /** The options for connections to servers. */
  get options(): ConnectionOptions {
    return this.#options
  }

  /**
   * Notes that a configuration with this upstream was replaced. Requests may still use the upstream until `release`. When no
   * other configuration names it, its idle connections close.
   */
  leave(upstream: Upstream): void {
    const entry = this.#held.get(upstream.key)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.named -= 1
    if (entry.named > 0) return
    upstream.leftAt = performance.now()
    upstream.closeIdle()
  }

  /** Ends one hold on an upstream. After the last one, the upstream closes once its requests have ended. */
  release(upstream: Upstream): void {
    const entry = this.#held.get(upstream.key)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.holds -= 1
    if (entry.holds > 0) return
    this.#held.delete(upstream.key)
    // Most upstreams never got a request, so they have nothing to close.
    if (!upstream.isOpen) return
    this.#leaving.set(upstream.key, upstream)
    void upstream.close().finally(() => {
      // Meanwhile the upstream may have been held and released again.
      if (this.#leaving.get(upstream.key) === upstream && !upstream.isOpen) this.#leaving.delete(upstream.key)
    })
  }

  /** Ends all idle connections. @returns whether there were any */
  closeIdle(): boolean {
    let closed = 0
    for (const { upstream } of this.#held.values()) closed += upstream.dropIdle()
    return closed > 0
  }

  /** Cuts all connections, also those of upstreams that are about to close. */
  async destroy(): Promise<void> {
    const all = [...this.#leaving.values(), ...[...this.#held.values()].map(({ upstream }) => upstream)]
    this.#held.clear()
    await Promise.all(all.map((upstream) => upstream.destroy()))
  }
}
