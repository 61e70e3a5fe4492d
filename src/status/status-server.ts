import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { maskCredentials } from '../base/credentials.js'
import { refuseBarely } from '../engine/client/http1/bare-refusals.js'
import type { RequestHandler } from '../engine/client/http1/handlers.js'
import { LingeringClose } from '../engine/client/http1/lingering-close.js'
import { Pipelines } from '../engine/client/http1/pipelines.js'
import { hasBody } from '../engine/client/request-body.js'
import type { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import { asError, ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS } from '../model/limits.js'
import { DashboardFiles } from './dashboard-files.js'
import { EventStream } from './event-stream.js'
import { History } from './history.js'
import { LiveState } from './live-state.js'
import { Metrics } from './metrics.js'
import { Places } from './places.js'
import { StatusGuard, setSafeHeaders } from './status-guard.js'
import { parseStatusAddress, type StatusOptions } from './status-options.js'
import { EVENTS_PATH, STATUS_ROUTES, type StatusParts } from './status-routes.js'
import type { StatusSource } from './status-source.js'
import { DEFAULT_MAX_BACKENDS, Traffic } from './traffic.js'

const LIMITS = { connectionsCheckingInterval: 1_000, headersTimeout: 10_000, requestTimeout: 10_000 }
/** Milliseconds after which an idle connection is closed. Event streams stay open, because their heartbeat comes more often. */
const IDLE_MS = 30_000
const CONNECTIONS = { total: 500, perAddress: 250 }
/** Limits for unfinished answers: in total, and for each client address. Each answer is held in memory. */
const ANSWERS = { total: 100, perAddress: 50 }
/** Milliseconds that may pass from a request until its answer is produced and the client has read it. */
const MAX_ANSWER_MS = 30_000

/** Shows the state of a proxy to people and tools: as JSON, metrics, events and a dashboard. It cannot change anything. */
export class StatusServer {
  /** Answers requests for the paths in docs/status.md. Other paths go to `next`, or get 404 if there is no `next`. */
  readonly handler: RequestHandler
  /** The same on an entry point that serves frontends too. The caller has checked that the path is one of a page. */
  readonly entryPointHandler: RequestHandler
  readonly #options: StatusOptions
  readonly #parts: StatusParts
  readonly #stops: readonly (() => void)[]
  readonly #pipelines = new Pipelines(1)
  readonly #lingering = new LingeringClose(DEFAULT_LIMITS)
  readonly #answers = new Places<ServerResponse>(ANSWERS, { end: (res) => res.destroy() })
  #server: Server | undefined

  constructor(options: StatusOptions, source: StatusSource, events: ProxyEmitter) {
    const { metrics: metricsOptions = {}, unreadyWhileStale = false } = options
    this.#options = options
    const traffic = new Traffic({
      ...metricsOptions,
      inFlight: () => source.engine.inFlight.size,
      isConfigured: (kind, name) => source.engine.snapshot?.config[kind].has(name) ?? false,
    })
    const history = new History(events)
    const live = new LiveState(source, events, traffic, history)
    const maxServers = metricsOptions.maxBackends ?? DEFAULT_MAX_BACKENDS
    const metrics = new Metrics({ source, traffic, history, live, maxServers }, metricsOptions)
    const stream = new EventStream()
    const rest = { dashboard: new DashboardFiles(), unreadyWhileStale }
    this.#parts = { source, traffic, history, live, metrics, events: stream, ...rest }
    this.handler = this.#handlerFor(new StatusGuard(options.token))
    this.entryPointHandler = this.#handlerFor(new StatusGuard(options.token, 'entry point'))
    this.#stops = [
      source.engine.reports.observe(traffic.record),
      traffic.onPoint((point) => stream.send('traffic', point)),
      history.onEntry((entry) =>
        stream.send(entry.type === 'switch' ? 'configChanged' : 'configRejected', entry),
      ),
      () => traffic.stop(),
      () => stream.close(),
      () => metrics.unregister(),
    ]
    this.#tellOf(events)
  }

  /**
   * Adds the metrics to the registry that the embedding application has supplied, if any. Opens the status server's own listener,
   * if the options have an address. If one of the two steps fails, the other still takes effect.
   *
   * @throws Error of Node, such as `EADDRINUSE` for a port in use
   * @throws ProxyError `PROXY_OPTION_INVALID` if the registry refuses a metric
   */
  async open(): Promise<AddressInfo | undefined> {
    const { address } = this.#options
    const listening = address === undefined ? undefined : this.#listen(parseStatusAddress(address))
    // Attach an empty handler. The caller awaits this promise later, and until then a rejection must not count as unhandled.
    listening?.catch(() => {})
    this.#parts.metrics.register()
    return listening
  }

  async #listen(at: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    const server = createServer(LIMITS)
    refuseBarely(server, this.#lingering, 'GET, HEAD')
    const connections = new Places<Socket>(CONNECTIONS, { end: (socket) => socket.destroy(), isIdle })
    server.on('connection', (socket) => socket.on('close', connections.enter(socket, socket.remoteAddress)))
    // Close connections on which the client neither sends nor reads.
    server.setTimeout(IDLE_MS)
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(at, () => {
        server.off('error', reject)
        server.on('error', () => {})
        resolve()
      })
    })
    const bound = server.address() as AddressInfo
    server.on('request', this.#handlerFor(new StatusGuard(this.#options.token, bound.address)))
    return bound
  }

  /** Stops counting requests and closes the listener. @throws Error of the metrics registry of the embedding application */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const stop of this.#stops) {
      try {
        stop()
      } catch (error) {
        failures.push(error)
      }
    }
    this.#lingering.destroyAll()
    const server = this.#server
    if (server?.listening) {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
    if (failures.length > 0) throw failures[0]
  }

  #tellOf(events: ProxyEmitter): void {
    const { events: stream, traffic } = this.#parts
    const at = () => new Date().toISOString()
    events.on('configChanged', ({ changes: { frontends, backends } }) => {
      traffic.forget(frontends.removed, backends.removed)
      const { snapshot } = this.#parts.source.engine
      for (const name of backends.changed)
        traffic.servers.keep(name, snapshot?.backends.get(name)?.servers ?? [])
    })
    events.on('providerUnavailable', ({ provider, error }) =>
      stream.send('providerUnavailable', { at: at(), provider, message: maskCredentials(error.message) }),
    )
    events.on('providerRecovered', (event) => stream.send('providerRecovered', { at: at(), ...event }))
    events.on('serverDown', (event) => stream.send('serverDown', { at: at(), ...event }))
    events.on('shutdownChanged', (event) => stream.send('shutdownChanged', { at: at(), ...event }))
    events.on('serverUp', (event) => stream.send('serverUp', { at: at(), ...event }))
  }

  #handlerFor(guard: StatusGuard): RequestHandler {
    const begin: RequestHandler = (req, res) => {
      this.#limitAnswer(req, res)
      void this.#answer(guard, req, res).catch((thrown) => answerError(res, thrown))
    }
    return (req, res, next) => {
      if (next && !routeOf(partsOf(req).path)) return next()
      // Answer the pipelined requests of a connection one by one. Otherwise all their answers would be in memory at once.
      if (res.socket !== null || !this.#pipelines.mustWait(begin, req, res)) begin(req, res)
    }
  }

  /**
   * Limits how long an answer takes, and how many there are. If the client does not read its answer in time, the answer is cut
   * off. If there are too many answers, an old one is cut off. Event streams have their own limits.
   */
  #limitAnswer(req: IncomingMessage, res: ServerResponse): void {
    const { path } = partsOf(req)
    if (path === EVENTS_PATH) return
    const leave = this.#answers.enter(res, req.socket.remoteAddress)
    const timer = setTimeout(() => res.destroy(), MAX_ANSWER_MS).unref()
    res.on('close', () => {
      clearTimeout(timer)
      leave()
    })
  }

  async #answer(guard: StatusGuard, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, search } = partsOf(req)
    const found = routeOf(path)
    setSafeHeaders(res)
    // If the client still sends a request body, close the connection after the answer. The rest of the body is never needed.
    if (hasBody(req) && !req.complete) {
      res.setHeader('Connection', 'close')
      this.#lingering.after(req.socket)
    }
    const refusal = guard.refusalOf(req, path)
    if (refusal) {
      if (refusal.status === 401) res.setHeader('WWW-Authenticate', 'Bearer')
      if (refusal.status === 405) res.setHeader('Allow', 'GET, HEAD')
      return writeError(res, refusal.status, refusal.code, refusal.message)
    }
    const asked = { req, res, query: new URLSearchParams(search), rest: found?.rest ?? [] }
    if (await found?.answer(this.#parts, asked)) return
    writeError(res, 404, 'NOT_FOUND', 'there is nothing under this path; see docs/status.md')
  }
}

function partsOf({ url = '' }: IncomingMessage): { readonly path: string; readonly search: string } {
  const [, path = '', search = ''] = /^([^?#]*)(\?[^#]*)?/.exec(url) ?? []
  return { path, search }
}

/**
 * Tells whether no response is in progress on a connection. Node keeps the current response in the internal field `_httpMessage`.
 */
function isIdle(socket: Socket): boolean {
  return !(socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage
}

function routeOf(path: string) {
  for (const [pattern, answer] of STATUS_ROUTES) {
    const [all, ...rest] = pattern.exec(path) ?? []
    if (all !== undefined) return { answer, rest }
  }
  return undefined
}

function answerError(res: ServerResponse, thrown: unknown): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const error = asError(thrown)
  const known = error instanceof ProxyError ? error : new ProxyError('PROXY_INTERNAL', error.message)
  // Answer `PROXY_OPTION_INVALID` with 400. Here a wrong query parameter causes this error, so the client is at fault.
  const status = known.code === 'PROXY_OPTION_INVALID' ? 400 : known.status
  writeError(res, status, known.code, maskCredentials(known.message))
}

function writeError(res: ServerResponse, status: number, code: string, message: string): void {
  const body = `${JSON.stringify({ error: { code, message } })}\n`
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  })
  res.end(body)
}
