import type { IncomingMessage, ServerResponse } from 'node:http'
import { settledWithin } from '../base/timing.js'
import type { RequestHandler } from '../engine/client/http1/handlers.js'
import { Http1Client } from '../engine/client/http1/http1-client.js'
import { passOn } from '../engine/client/http1/pass-on.js'
import { failuresOf, type ProxyEmitter } from '../engine/events/proxy-emitter.js'
import type { RequestObserver } from '../engine/request-reports.js'
import { type BoundAddress, boundAddress } from '../entry-points/listen-at.js'
import { asError, ProxyError } from '../model/errors.js'
import type { AccessLog } from '../status/access-log.js'
import type { StatusServer } from '../status/status-server.js'
import type { StatusSource } from '../status/status-source.js'
import type { ProxyOptions } from './proxy-options.js'

/** Maximum number of ended requests that are kept in memory until the access log is open. */
const MAX_EARLY = 1_000
/** Milliseconds for which `close` waits if the status server or the logs are still being opened. */
const CLOSE_MS = 2_000

/**
 * The parts that show operators what the proxy does: status server, access log and application log. If the options do not ask for
 * a part, its code is not even loaded.
 */
export class Observation {
  readonly #options: ProxyOptions
  readonly #source: StatusSource
  readonly #events: ProxyEmitter
  #status: StatusServer | undefined
  #accessLog: AccessLog | undefined
  #address: BoundAddress | undefined
  /** The first error of opening the status server or a log. The proxy still serves requests. */
  #failure: Error | undefined
  #opening: Promise<void> | undefined
  #closed = false

  constructor(options: ProxyOptions, source: StatusSource, events: ProxyEmitter) {
    this.#options = options
    this.#source = source
    this.#events = events
  }

  /**
   * Opens the status server and the logs that the options ask for. Returns undefined if the options ask for none. The promise
   * never rejects; `opened` throws the error instead.
   */
  open(): Promise<void> | undefined {
    const { status, accessLog, logLevel, logger } = this.#options
    if (!status && !accessLog && !logLevel && !logger) return undefined
    if (!this.#closed) this.#opening ??= this.#open()
    return this.#opening
  }

  /** Resolves when the status server and the logs are open. @throws the first error, if one of them could not be opened */
  async opened(): Promise<void> {
    await this.#opening
    if (this.#failure) throw this.#failure
  }

  /**
   * Returns the address on which the status server listens.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` without the option `status.address`; `PROXY_CLOSED`; Node's error if it cannot
   *   listen
   */
  async address(): Promise<BoundAddress> {
    await this.#opening
    if (this.#address) return this.#address
    if (this.#failure) throw this.#failure
    // If the proxy was closed before the status server could listen, there is no address.
    if (this.#closed || this.#options.status?.address !== undefined) throw new ProxyError('PROXY_CLOSED')
    const message = 'status.address: expected an address such as ":8080" for the status server, found none'
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }

  /** Answers with the pages of the status server. The application calls it from its own HTTP server. */
  readonly handler: RequestHandler = (req, res, next) => {
    const failures = failuresOf(this.#events)
    const pass =
      next && ((...error: [unknown?]) => passOn(next, new Http1Client(req, res), failures, ...error))
    this.#answer('handler', req, res, pass)
  }

  /** Answers with the pages of the status server on an entry point, where every client of the frontends can ask for them. */
  readonly entryPointHandler: RequestHandler = (req, res) => this.#answer('entryPointHandler', req, res)

  #answer(
    by: 'handler' | 'entryPointHandler',
    req: IncomingMessage,
    res: ServerResponse,
    pass?: (error?: unknown) => void,
  ): void {
    void Promise.resolve(this.open()).then(() => {
      // If the application has answered while the status server was being opened, do nothing. A second response would throw.
      if (res.headersSent) return undefined
      if (this.#status && !this.#closed) return this.#status[by](req, res, pass)
      const error = this.#whyNotThere()
      if (pass) return pass(error)
      res.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8' })
      res.end(`503 the status server is not there: ${error.message}\n`)
    })
  }

  /**
   * Returns the reason why there is no status server. The error is not thrown, because nothing could catch it in a request
   * listener.
   */
  #whyNotThere(): Error {
    if (!this.#options.status)
      return new ProxyError('PROXY_OPTION_INVALID', 'status: expected options, {} at least')
    return this.#failure ?? new ProxyError('PROXY_CLOSED')
  }

  /** Opens the log files again, after a tool such as logrotate has moved them. Never rejects. */
  async reopenLogs(): Promise<void> {
    const { logger } = this.#options
    // This function is async, so that an error which the application's logger throws becomes a rejection.
    const reopenLogger = async () => logger?.reopen?.()
    await Promise.all([
      this.#accessLog?.reopen(),
      reopenLogger().catch((thrown) => failuresOf(this.#events).tell(this, 'reopen of the logger', thrown)),
    ])
  }

  /** Closes the status server and the logs. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true
    // Wait only for a limited time. A log file on a disk that hangs may never open, and the process must still be able to end.
    if (this.#opening) await settledWithin(this.#opening, CLOSE_MS, false)
    await Promise.allSettled([this.#status?.close(), this.#accessLog?.close()])
  }

  /** Opens the status server and the logs independently. If one of them cannot be opened, the other two still open. */
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
      // Emit a warning, because the application may not call `ready`, which throws the error.
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
    // Keep the requests that end before the access log is open. The first request may even have started the proxy.
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
