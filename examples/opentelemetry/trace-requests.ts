import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type ContextAPI,
  defaultTextMapGetter,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** What every message has; the channels are described in docs/status.md. */
interface Message {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

interface Sent extends Message {
  readonly frontend: string
  readonly backend: string
  readonly server: string
  readonly url: string
  readonly generation: number
  readonly retries: number
}

interface Finished extends Omit<Sent, 'url'> {
  readonly status: number
  readonly error?: Error & { readonly code: string }
  /** The host's own routes have it. */
  readonly passedOn?: true
}

/** Makes spans of requests. @returns stops it */
export function traceRequests(tracer: Tracer, context: ContextAPI): () => void {
  const spans = new WeakMap<IncomingMessage, { readonly request: Span; sent?: Span }>()

  const onStart = (message: unknown) => {
    const { req } = message as Message
    const parent = propagation.extract(context.active(), req.headers, defaultTextMapGetter)
    const attributes = { 'http.request.method': req.method, 'url.path': req.url?.split('?')[0] }
    spans.set(req, {
      request: tracer.startSpan(`${req.method}`, { kind: SpanKind.SERVER, attributes }, parent),
    })
  }
  const onSent = (message: unknown) => {
    const { req, backend, server, url, generation, retries } = message as Sent
    const known = spans.get(req)
    known?.sent?.setStatus({ code: SpanStatusCode.ERROR, message: 'sent again' })
    known?.sent?.end() // the try before this one came to nothing
    const { hostname, port, protocol } = new URL(url)
    const attributes = {
      'http.request.method': req.method,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      'http.request.resend_count': retries,
      'switchover.backend': backend,
      'switchover.server': server,
      'switchover.generation': generation,
    }
    if (!known) return
    const parent = trace.setSpan(context.active(), known.request)
    known.sent = tracer.startSpan(`${req.method} ${backend}`, { kind: SpanKind.CLIENT, attributes }, parent)
  }
  const onFinish = (message: unknown) => {
    const { req, frontend, status, error, passedOn } = message as Finished
    const known = spans.get(req)
    if (passedOn) return known?.request.end()
    for (const span of [known?.sent, known?.request]) {
      span?.setAttribute('http.response.status_code', status)
      if (error) span?.setAttribute('error.type', error.code)
      if (status >= 500)
        span?.setStatus({ code: SpanStatusCode.ERROR, ...(error && { message: error.message }) })
      if (frontend) span?.setAttribute('switchover.frontend', frontend)
      span?.end()
    }
  }

  const listeners = { start: onStart, sent: onSent, finish: onFinish }
  for (const [name, listener] of Object.entries(listeners)) subscribe(`switchover.request.${name}`, listener)
  return () => {
    for (const [name, listener] of Object.entries(listeners))
      unsubscribe(`switchover.request.${name}`, listener)
  }
}
