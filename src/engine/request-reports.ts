import { channel } from 'node:diagnostics_channel'
import type { RequestFinished } from '../model/events.js'
import type { Exchange } from './exchange.js'
import type { ProxyEmitter } from './proxy-emitter.js'

/** A request that has ended, with all that is known of it. */
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
  | 'startedAt'
  | 'entryPoint'
  | 'bodyBytes'
>

type Observer = (request: EndedRequest) => void

/** The channels of `node:diagnostics_channel`; docs/events.md says what comes over them. */
const START = channel('switchover.request.start')
const SENT = channel('switchover.request.sent')
const FINISH = channel('switchover.request.finish')

/** Whoever wants to know of requests: listeners of events, subscribers of channels, observers. Nothing is built for nobody. */
export class RequestReports {
  readonly #events: ProxyEmitter
  #observers: readonly Observer[] = []

  constructor(events: ProxyEmitter) {
    this.#events = events
  }

  observe(observer: Observer): () => void {
    this.#observers = [...this.#observers, observer]
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer)
    }
  }

  began({ req, res }: Exchange): void {
    if (START.hasSubscribers) START.publish({ req, res })
  }

  /** It is about to leave for a server. */
  sent({ req, res, frontend, backend, server, generation, retries }: Exchange): void {
    if (!SENT.hasSubscribers) return
    const names = { frontend: frontend?.name, backend: backend?.name, server: server?.name }
    SENT.publish({ req, res, ...names, url: server?.url, generation, retries })
  }

  ended(exchange: Exchange): void {
    for (const observer of this.#observers) observer(exchange)
    const { req, res, error } = exchange
    const failure = error && { error }
    if (FINISH.hasSubscribers) FINISH.publish({ req, res, ...reportOf(exchange), ...failure })
    const events = this.#events
    if (events.listenerCount('requestFinished') > 0) events.emit('requestFinished', reportOf(exchange))
    if (failure && events.listenerCount('requestFailed') > 0)
      events.emit('requestFailed', { ...reportOf(exchange), ...failure })
  }
}

/** What the client got: 499 if it left before a status was sent. */
export function statusOf({ res, error }: EndedRequest): number {
  const leftEarly = !res.headersSent && res.statusCode !== 101
  return leftEarly ? (error?.status ?? 499) : res.statusCode
}

/** What `requestFinished` and `requestFailed` say of a request. */
function reportOf(exchange: EndedRequest): RequestFinished {
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
    durationMs: performance.now() - exchange.startedAt,
    retries: exchange.retries,
    clientAddress: exchange.clientAddress,
  }
}
