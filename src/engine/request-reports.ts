import { channel } from 'node:diagnostics_channel'
import type { RequestFinished } from '../model/events.js'
import { entryMetadata } from '../model/metadata.js'
import type { ProxyEmitter } from './events/proxy-emitter.js'
import type { Exchange } from './exchange.js'

/** The data about an ended request that observers, such as the access log, get. */
export type EndedRequest = Pick<
  Exchange,
  | 'client'
  | 'facts'
  | 'frontend'
  | 'backend'
  | 'server'
  | 'error'
  | 'generation'
  | 'tries'
  | 'clientAddress'
  | 'entryPoint'
  | 'bodyBytes'
  | 'responseFields'
>

/**
 * Called when a request has ended.
 *
 * @param durationMs milliseconds from the moment when the proxy began to process the request until its end
 */
export type RequestObserver = (request: EndedRequest, durationMs: number) => void

/** The channels of `node:diagnostics_channel`. docs/status.md describes their messages. */
const START = channel('switchover.request.start')
const SENT = channel('switchover.request.sent')
const FINISH = channel('switchover.request.finish')

/**
 * Reports the progress of requests to event listeners, to subscribers of `node:diagnostics_channel`, and to observers such as the
 * access log. If no recipient is registered for a report, no report is created.
 */
export class RequestReports {
  readonly #events: ProxyEmitter
  #observers: readonly RequestObserver[] = []

  constructor(events: ProxyEmitter) {
    this.#events = events
  }

  /** Adds an observer, which is called for each request that ends. @returns a function that removes it */
  observe(observer: RequestObserver): () => void {
    this.#observers = [...this.#observers, observer]
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer)
    }
  }

  /** Reports on a diagnostics channel that the proxy begins to process a request. */
  began({ client }: Exchange): void {
    if (START.hasSubscribers) START.publish({ ...client.observed })
  }

  /** Reports on a diagnostics channel that a request is about to be sent to a server. */
  sent({ client, frontend, backend, server, generation, tries: { retries } }: Exchange): void {
    if (!SENT.hasSubscribers) return
    const names = { frontend: frontend?.name, backend: backend?.name, server: server?.name }
    SENT.publish({ ...client.observed, ...names, url: server?.url, generation, retries })
  }

  /** Reports that no frontend matched, and that the application's own routes answer the request. No other report follows. */
  passedOn({ client }: Exchange): void {
    if (FINISH.hasSubscribers) FINISH.publish({ ...client.observed, passedOn: true })
  }

  /** Reports the end of a request to observers, to the diagnostics channel, and to event listeners. */
  ended(exchange: Exchange): void {
    const { client, error } = exchange
    const events = this.#events
    const toFinished = events.listenerCount('requestFinished') > 0
    const toFailed = error !== undefined && events.listenerCount('requestFailed') > 0
    if (this.#observers.length === 0 && !toFinished && !toFailed && !FINISH.hasSubscribers) return
    const durationMs = performance.now() - exchange.startedAt
    for (const observer of this.#observers) observer(exchange, durationMs)
    if (!toFinished && !toFailed && !FINISH.hasSubscribers) return
    const report = reportOf(exchange, durationMs)
    if (FINISH.hasSubscribers) FINISH.publish({ ...client.observed, ...report, ...(error && { error }) })
    if (toFinished) events.emit('requestFinished', report)
    if (toFailed) events.emit('requestFailed', { ...report, error })
  }
}

/**
 * Returns the HTTP status that the client got. If the client got none, returns the status of the error, or 499 without an error.
 */
export function statusOf({ client, error }: Pick<EndedRequest, 'client' | 'error'>): number {
  return client.status ?? error?.status ?? 499
}

/** Creates the argument of the events `requestFinished` and `requestFailed`. */
function reportOf(exchange: EndedRequest, durationMs: number): RequestFinished {
  const { client, facts, frontend, backend, server } = exchange
  const metadata = entryMetadata({ frontend: frontend?.config, backend: backend?.config, server })
  return {
    generation: exchange.generation,
    ...(frontend && { frontend: frontend.name }),
    ...(backend && { backend: backend.name }),
    ...(server && { server: server.name }),
    ...(metadata && { metadata }),
    method: client.method,
    host: facts?.host ?? '',
    path: facts?.path ?? client.target,
    status: statusOf(exchange),
    durationMs,
    retries: exchange.tries.retries,
    clientAddress: exchange.clientAddress,
  }
}
