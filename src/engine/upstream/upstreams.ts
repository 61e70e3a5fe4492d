import type { ConnectionOptions } from './connector.js'
import { Http1Upstream } from './http1-upstream.js'
import { keyOfUpstream, type Upstream } from './upstream.js'

interface Held {
  readonly upstream: Upstream
  /** The number of calls of `hold` minus those of `release`. Each server of each snapshot in use counts once. */
  holds: number
  /** The number of servers with this upstream, in all snapshots that serve or are being compiled. */
  named: number
}

/**
 * All upstreams of an engine. An upstream exists for as long as a snapshot with one of its servers is in use. So a server that is
 * also in the next generation keeps its connections.
 */
export class Upstreams {
  readonly #options: ConnectionOptions
  readonly #held = new Map<string, Held>()
  /** Upstreams that no snapshot uses any longer, but that still have open sockets. Requests may be under way on those sockets. */
  readonly #leaving = new Map<string, Upstream>()

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /**
   * Returns the upstream of an origin, which stays in use until `release` is called for it. If the upstream was about to close,
   * the same object is used again, so its open sockets still count.
   *
   * @param address the IP address to connect to. Without it, each connection looks up the host name and takes one of its
   *   addresses.
   */
  hold(origin: string, address?: string): Upstream {
    const key = keyOfUpstream(origin, address)
    let entry = this.#held.get(key)
    if (entry === undefined) {
      const upstream = this.#leaving.get(key) ?? new Http1Upstream(origin, this.#options, address)
      this.#leaving.delete(key)
      entry = { upstream, holds: 0, named: 0 }
      this.#held.set(key, entry)
    }
    entry.holds += 1
    entry.named += 1
    entry.upstream.leftAt = undefined
    return entry.upstream
  }

  /** Creates an upstream that only the caller uses, for example for one health check. The caller must destroy it. */
  createUnshared(origin: string, address?: string): Upstream {
    const ended = new AbortController()
    return new Http1Upstream(origin, { ...this.#options, ended }, address)
  }

  /** The options for connections to servers. */
  get options(): ConnectionOptions {
    return this.#options
  }

  /**
   * Must be called for each server of a configuration that was replaced. Requests may still use the upstream until `release` is
   * called. When no other configuration has a server with this upstream, its idle connections close.
   */
  leave(upstream: Upstream): void {
    const entry = this.#held.get(upstream.key)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.named -= 1
    if (entry.named > 0) return
    upstream.leftAt = performance.now()
    upstream.closeIdle()
  }

  /** Ends the use that one call of `hold` began. After the last use, the upstream closes as soon as its requests have ended. */
  release(upstream: Upstream): void {
    const entry = this.#held.get(upstream.key)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.holds -= 1
    if (entry.holds > 0) return
    this.#held.delete(upstream.key)
    // An upstream without connections has nothing to close. Most upstreams are in this case, because they never got a request.
    if (!upstream.isOpen) return
    this.#leaving.set(upstream.key, upstream)
    void upstream.close().finally(() => {
      // Forget the upstream, unless a snapshot has used it again meanwhile or it has open sockets.
      if (this.#leaving.get(upstream.key) === upstream && !upstream.isOpen) this.#leaving.delete(upstream.key)
    })
  }

  /** Ends the idle connections of all upstreams that are in use. @returns whether there were any */
  closeIdle(): boolean {
    let closed = 0
    for (const { upstream } of this.#held.values()) closed += upstream.dropIdle()
    return closed > 0
  }

  /** Cuts all connections at once, also those of upstreams that are about to close. */
  async destroy(): Promise<void> {
    const all = [...this.#leaving.values(), ...[...this.#held.values()].map(({ upstream }) => upstream)]
    this.#held.clear()
    await Promise.all(all.map((upstream) => upstream.destroy()))
  }
}
