import type { RequestHandler } from './engine/engine-options.js'
import type { ProxyEmitter } from './engine/proxy-emitter.js'
import { asError, ProxyError } from './model/errors.js'
import type { ProxyOptions } from './proxy-options.js'
import type { AccessLog } from './status/access-log.js'
import type { StatusServer } from './status/status-server.js'
import type { StatusSource } from './status/status-source.js'

/** Where the status server listens. */
export interface StatusAddress {
  readonly host: string
  readonly port: number
  /** Of its root; the dashboard is under `dashboard/`. */
  readonly url: string
}

/**
 * All by which a proxy is seen from outside: status server, access log, application log. What was not asked for is not
 * loaded, and observes nothing.
 */
export class Observation {
  readonly #options: ProxyOptions
  readonly #source: StatusSource
  readonly #events: ProxyEmitter
  #status: StatusServer | undefined
  #accessLog: AccessLog | undefined
  #address: StatusAddress | undefined
  /** Why the status server or the log could not be opened; the proxy serves all the same. */
  #failure: Error | undefined
  #opening: Promise<void> | undefined
  #closed = false

  constructor(options: ProxyOptions, source: StatusSource, events: ProxyEmitter) {
    this.#options = options
    this.#source = source
    this.#events = events
  }

  /** Undefined if nothing was asked for. Never rejects: see `opened`. */
  open(): Promise<void> | undefined {
    const { status, accessLog, logLevel, logger } = this.#options
    if (!status && !accessLog && !logLevel && !logger) return undefined
    this.#opening ??= this.#open().catch((thrown) => {
      this.#failure = asError(thrown)
    })
    return this.#opening
  }

  /** Resolves when all that was asked for is there. @throws what kept it from being opened */
  async opened(): Promise<void> {
    await this.#opening
    if (this.#failure) throw this.#failure
  }

  /** The status server's. @throws ProxyError `PROXY_OPTION_INVALID` if it has none; what kept it from listening */
  async address(): Promise<StatusAddress> {
    await this.opened()
    if (this.#address) return this.#address
    const message = 'status.address: expected where the status server is to listen'
    throw new ProxyError(this.#closed ? 'PROXY_CLOSED' : 'PROXY_OPTION_INVALID', message)
  }

  /** The status server's, to be mounted in a server of the host's. */
  readonly handler: RequestHandler = (req, res, next) => {
    const { status } = this.#options
    if (!status) throw new ProxyError('PROXY_OPTION_INVALID', 'status: expected options, {} at least')
    void this.open()?.then(() => this.#status?.handler(req, res, next))
  }

  reopenLogs(): void {
    this.#accessLog?.reopen()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#opening
    await Promise.all([this.#status?.close(), this.#accessLog?.close()])
  }

  async #open(): Promise<void> {
    const { status, accessLog, logLevel, logger } = this.#options
    if (logLevel || logger) {
      const { logEvents } = await import('./status/application-log.js')
      logEvents(this.#events, logLevel ?? 'info', logger)
    }
    if (status) {
      const { StatusServer: Server } = await import('./status/status-server.js')
      this.#status = new Server(status, this.#source, this.#events)
    }
    if (accessLog) {
      const { AccessLog: Log } = await import('./status/access-log.js')
      const log = new Log(accessLog)
      this.#accessLog = log
      await log.open()
      this.#source.engine.reports.observe(log.record)
    }
    const bound = this.#closed ? undefined : await this.#status?.listen()
    if (!bound) return
    const { host, port } = bound
    const reachable =
      host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
    this.#address = { host, port, url: `http://${reachable}:${port}` }
  }
}
