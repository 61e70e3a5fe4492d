import { settledWithin } from '../base/timing.js'
import type { RequestHandler } from '../engine/client/handlers.js'
import type { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import { passOn } from '../engine/pass-on.js'
import type { RequestObserver } from '../engine/request-reports.js'
import { type BoundAddress, boundAddress } from '../entry-points/listener.js'
import { asError, ProxyError } from '../model/errors.js'
import type { AccessLog } from '../status/access-log.js'
import type { StatusServer } from '../status/status-server.js'
import type { StatusSource } from '../status/status-source.js'
import type { ProxyOptions } from './proxy-options.js'

/** Requests that are kept for an access log that is being opened. */
const MAX_EARLY = 1_000
/** How long closing waits for what is being opened, in milliseconds. */
const CLOSE_MS = 2_000

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
  #address: BoundAddress | undefined
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
    if (!this.#closed) this.#opening ??= this.#open()
    return this.#opening
  }

  /** Resolves when all that was asked for is there. @throws what kept it from being opened */
  async opened(): Promise<void> {
    await this.#opening
    if (this.#failure) throw this.#failure
  }

  /** The status server's. @throws ProxyError `PROXY_OPTION_INVALID` if it has none; what kept it from listening */
  async address(): Promise<BoundAddress> {
    await this.#opening
    if (this.#address) return this.#address
    if (this.#failure) throw this.#failure
    // Closed before it was opened, be it that the proxy is about to.
    if (this.#closed || this.#options.status?.address !== undefined) throw new ProxyError('PROXY_CLOSED')
    const message = 'status.address: expected where the status server is to listen'
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }

  /** The status server's, to be mounted in a server of the host's. */
  readonly handler: RequestHandler = (req, res, next) => {
    const { failures } = this.#events
    const pass = next && ((...error: [unknown?]) => passOn(next, { req, res }, failures, ...error))
    void Promise.resolve(this.open()).then(() => {
      // By the host, while it waited for the status server to be opened. Another answer would throw.
      if (res.headersSent) return undefined
      if (this.#status && !this.#closed) return this.#status.handler(req, res, pass)
      const error = this.#whyNotThere()
      if (pass) return pass(error)
      res.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8' })
      res.end(`503 the status server is not there: ${error.message}\n`)
    })
  }

  /** Told, not thrown: whoever mounts the handler does so in a server, where nobody would catch it. */
  #whyNotThere(): Error {
    if (!this.#options.status)
      return new ProxyError('PROXY_OPTION_INVALID', 'status: expected options, {} at least')
    return this.#failure ?? new ProxyError('PROXY_CLOSED')
  }

  async reopenLogs(): Promise<void> {
    const { logger } = this.#options
    // Async, so that a logger of the host's that throws at once rejects.
    const reopenLogger = async () => logger?.reopen?.()
    await Promise.all([
      this.#accessLog?.reopen(),
      reopenLogger().catch((thrown) => this.#events.failures.tell(this, 'reopen of the logger', thrown)),
    ])
  }

  async close(): Promise<void> {
    this.#closed = true
    // What opens takes no longer than it must: a folder on a disk that hangs must not keep the proxy from ending.
    if (this.#opening) await settledWithin(this.#opening, CLOSE_MS)
    await Promise.allSettled([this.#status?.close(), this.#accessLog?.close()])
  }

  /** Each by itself: one that cannot be opened takes no other down. */
  async #open(): Promise<void> {
    await Promise.all([
      this.#orWarn('logLevel', this.#openLog()),
      this.#orWarn('status', this.#openStatus()),
      this.#orWarn('accessLog', this.#openAccessLog()),
    ])
  }

  async #orWarn(option: string, opening: Promise<void>): Promise<void> {
    try {
      await opening
    } catch (thrown) {
      const error = asError(thrown)
      error.message = `${option}: ${error.message}`
      this.#failure ??= error
      // Who awaits `ready` is told by that; who does not must not believe that all is well.
      process.emitWarning(error.message, 'SwitchoverWarning')
    }
  }

  async #openLog(): Promise<void> {
    const { logLevel, logger } = this.#options
    if (!logLevel && !logger) return
    const { logEvents } = await import('../status/application-log.js')
    logEvents(this.#events, logLevel ?? 'info', logger)
  }

  async #openAccessLog(): Promise<void> {
    const { accessLog } = this.#options
    if (!accessLog) return
    const { reports } = this.#source.engine
    // Requests that end before it is there: one of them may have started the proxy.
    const early: [...Parameters<RequestObserver>, number][] = []
    const stop = reports.observe((request, ms) => {
      if (early.length < MAX_EARLY) early.push([request, ms, Date.now()])
    })
    try {
      const { AccessLog: Log } = await import('../status/access-log.js')
      const log = new Log(accessLog)
      await log.open()
      for (const request of early) log.record(...request)
      reports.observe(log.record)
      this.#accessLog = log
    } finally {
      stop()
    }
  }

  async #openStatus(): Promise<void> {
    const { status } = this.#options
    if (!status) return
    const { StatusServer: Server } = await import('../status/status-server.js')
    if (this.#closed) return
    this.#status = new Server(status, this.#source, this.#events)
    const bound = await this.#status.open()
    if (bound) this.#address = boundAddress(bound)
  }
}
