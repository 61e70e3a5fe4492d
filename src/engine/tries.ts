import type { LiveServer } from './backends/live-server.js'
import type { Try } from './try.js'

/** What changes with each try to get a response for one request. */
export class Tries {
  /** The newest try. `undefined` before the first one, and while the request waits for a free server. */
  newest: Try | undefined
  /** The server of the newest try. */
  server: LiveServer | undefined
  /** The servers that failed on earlier tries of this request. A retry prefers other servers. */
  tried: Set<LiveServer> | undefined
  /** How many times the request was sent again. */
  retries: number
  /** How many times the proxy has closed other connections to free a file descriptor for this request. */
  shortages = 0
  /** If true, further tries open new connections. Set when an existing one broke, because other idle ones may be dead too. */
  fresh = false
  /**
   * Set if the client logs in on the server connection (by NTLM, for example). A retry on another connection is then forbidden,
   * either once the request was sent or always.
   */
  tie: 'once sent' | 'always' | undefined

  /** @param retries how many times the request was sent again before, to another backend */
  constructor(retries = 0) {
    this.retries = retries
  }

  /** The servers that must not get the next try: those that failed, and those that a middleware has excluded. */
  skipped(excluded: ReadonlySet<LiveServer> | undefined): ReadonlySet<LiveServer> | undefined {
    if (!excluded || !this.tried) return excluded ?? this.tried
    return new Set([...excluded, ...this.tried])
  }

  /** Notes that the request is sent once more, if possible to another server. */
  retry(failed: LiveServer, onNewConnection: boolean): void {
    this.tried = (this.tried ?? new Set()).add(failed)
    this.retries += 1
    this.fresh ||= onNewConnection
  }
}
