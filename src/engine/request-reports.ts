import { channel } from 'node:diagnostics_channel'
import type { RequestFinished } from '../model/events.js'
import type { ProxyEmitter } from './events/proxy-emitter.js'
import type { Exchange } from './exchange.js'

/** What observers get of a request that has ended. */
export type EndedRequest = Pick<
  Exchange,
  | 'req'
  | 'res'
  | 'facts'
  | 'frontend'
  | 'backend'
  | 'server'
  | 'error'
  | 'generation'
  | 'retries'
  | 'clientAddress'
  | 'entryPoint'
  | 'bodyBytes'
  | 'tried'
  | 'responseFields'
>

/** Called when a request has ended. @param durationMs milliseconds from the request's turn on its connection to its end */
export type RequestObserver = (request: EndedRequest, durationMs: number) => void

/** The channels of `node:diagnostics_channel`. docs/status.md describes their messages. */
const START = channel('switchover.request.start')
const SENT = channel('switchover.request.sent')
const FINISH = channel('switchover.request.finish')

/**
 * Reports requests to listeners of events, subscribers of channels, and observers. A report that has no recipient is not built.
 */
export class RequestReports {
  readonly #events: ProxyEmitter
  #observers: readonly RequestObserver[] = []

  constructor(events: ProxyEmitter) {
    this.#events = events
  }

  /** Adds an observer. @returns a function that removes it */
  observe(observer: RequestObserver): () => void {
    this.#observers = [...this.#observers, observer]
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer)
    }
  }

  /** Reports that a request begins. */
  began({ req, res }: Exchange): void {
    if (START.hasSubscribers) START.publish({ req, res })
  }

  /** Reports that a request is about to go to a server. */
  sent({ req, res, frontend, backend, server, generation, retries }: Exchange): void {
    if (!SENT.hasSubscribers) return
    const names = { frontend: frontend?.name, backend: backend?.name, server: server?.name }
    SENT.publish({ req, res, ...names, url: server?.url, generation, retries })
  }

  /** Reports that a request went to the host's own routes. The proxy reports nothing else about it. */
  passedOn({ req, res }: Exchange): void {
    if (FINISH.hasSubscribers) FINISH.publish({ req, res, passedOn: true })
  }

  /** Reports that a request has ended. */
  ended(exchange: Exchange): void {
    const { req, res, error } = exchange
    const events = this.#events
    const toFinished = events.listenerCount('requestFinished') > 0
    const toFailed = error !== undefined && events.listenerCount('requestFailed') > 0
    if (this.#observers.length === 0 && !toFinished && !toFailed && !FINISH.hasSubscribers) return
    const durationMs = performance.now() - exchange.startedAt
    for (const observer of this.#observers) observer(exchange, durationMs)
    if (!toFinished && !toFailed && !FINISH.hasSubscribers) return
    const report = reportOf(exchange, durationMs)
    if (FINISH.hasSubscribers) FINISH.publish({ req, res, ...report, ...(error && { error }) })
    if (toFinished) events.emit('requestFinished', report)
    if (toFailed) events.emit('requestFailed', { ...report, error })
  }
}

/** Returns the status that the client got. If none was sent, returns the status of the error, or else 499. */
export function statusOf({ res, error }: EndedRequest): number {
  const leftEarly = !res.headersSent && res.statusCode !== 101
  return leftEarly ? (error?.status ?? 499) : res.statusCode
}

/** Builds what `requestFinished` and `requestFailed` tell about a request. */
function reportOf(exchange: EndedRequest, durationMs: number): RequestFinished {
  const { req, facts, frontend, backend, server } = exchange
  return {
    generation: exchange.generation,
    ...(frontend && { frontend: frontend.name }),
    ...(backend && { backend: backend.name }),
    ...(server && { server: server.name }),
    method: req.method ?? '',
    host: facts?.host ?? '',
    path: facts?.path ?? req.url ?? '',
    status: statusOf(exchange),
    durationMs,
    retries: exchange.retries,
    clientAddress: exchange.clientAddress,
  }
}
