import type { RequestFinished } from '../model/events.js'
import type { Exchange } from './exchange.js'

/** What `requestFinished` and `requestFailed` say of a request; built only for a listener. */
export function reportRequest(exchange: Exchange): RequestFinished {
  const { req, res, facts, frontend, backend, server, error } = exchange
  const leftEarly = !res.headersSent && res.statusCode !== 101
  return {
    generation: exchange.generation,
    ...(frontend && { frontend: frontend.name }),
    ...(backend && { backend: backend.name }),
    ...(server && { server: server.name }),
    method: req.method ?? '',
    host: facts?.host ?? '',
    path: facts?.path ?? req.url ?? '',
    status: leftEarly ? (error?.status ?? 499) : res.statusCode,
    durationMs: performance.now() - exchange.startedAt,
    retries: exchange.retries,
    clientAddress: exchange.clientAddress,
  }
}
