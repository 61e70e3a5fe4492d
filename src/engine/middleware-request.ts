import { ProxyError } from '../model/errors.js'
import { type EntryMetadata, entryMetadata } from '../model/metadata.js'
import type { Chain, Middleware, MiddlewareRequest, ServerView } from '../model/middleware.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import { HeaderLines } from './header-lines.js'
import { forwardRequestHeaders } from './headers/forward-headers.js'
import type { Forwarding } from './headers/forwarding-headers.js'
import type { RequestHead } from './headers/request-head.js'
import type { LiveFacts } from './read-facts.js'
import type { Snapshot } from './snapshot.js'

/** Where a request stands when its first middleware is asked. */
export interface ChainStart {
  /** What the exchange knows so far. The frontend comes later, if the entry point has middlewares. */
  readonly exchange: { readonly client: RequestHead; readonly frontend: CompiledFrontend | undefined }
  readonly facts: LiveFacts
  /** The configuration that the request uses. `undefined` if it is for a page of the proxy itself. */
  readonly snapshot: Snapshot | undefined
  readonly forwarding: Forwarding
}

/** Header fields about a body, about a part of one, or about what the client has already. */
const ABOUT_BODY = /^(?:content-.*|expect|range|if-.*)$/i

const NO_MIDDLEWARES: readonly Middleware[] = []

/**
 * A request on its way through middlewares: those of its entry point, then those of its frontend. It is only made for a request
 * that has any.
 */
export class ChainRequest implements MiddlewareRequest {
  readonly facts: LiveFacts
  middlewares = NO_MIDDLEWARES
  /** The number of middlewares that have seen the request and no response. They see the response from the last to the first. */
  unseen = 0
  /** Whether one of the middlewares has `onServer`. */
  seesServers = false
  /** Whether one of the middlewares has `onResponse`. */
  seesResponses = false
  /** Whether one of the middlewares has `transformBody`. */
  transformsBodies = false
  readonly #start: ChainStart
  #live: LiveBackend | undefined
  #only: readonly LiveServer[] | undefined
  #server: LiveServer | undefined
  #state: Map<string, unknown> | undefined
  /** The answer of a middleware that the request waits for. */
  awaited: Promise<unknown> | undefined
  /** How many answers of middlewares the request has waited for. */
  answersAwaited = 0
  /** Whether the middlewares were told which server was chosen. They are told once. */
  isTold = false
  #lines: string[] | undefined
  #headers: HeaderLines | undefined
  #abort: AbortController | undefined
  /** Whether the request needs no verdict any longer. */
  isOver = false
  /** The error that ended it. */
  #error: ProxyError | undefined

  constructor(start: ChainStart) {
    this.facts = start.facts
    this.#start = start
  }

  /** The request meets a chain, whose middlewares are to be asked. */
  meets(chain: Chain): void {
    this.middlewares =
      this.middlewares.length === 0 ? chain.middlewares : [...this.middlewares, ...chain.middlewares]
    this.seesServers ||= chain.seesServers
    this.seesResponses ||= chain.seesResponses
    this.transformsBodies ||= chain.transformsBodies
  }

  get target(): string {
    return this.facts.target
  }

  get peerAddress(): string {
    return this.facts.peerAddress
  }

  get entryPoint(): string | undefined {
    return this.facts.entryPoint
  }

  get frontend(): string | undefined {
    return this.#start.exchange.frontend?.name
  }

  get metadata(): EntryMetadata {
    const entries = {
      frontend: this.#start.exchange.frontend?.config,
      backend: this.liveBackend?.config,
      server: this.#server,
    }
    return entryMetadata(entries) ?? {}
  }

  get headers(): HeaderLines {
    this.#headers ??= new HeaderLines(this.lines, this.#start.forwarding.underscoreHeaders)
    return this.#headers
  }

  /** The header fields that the server will get, as `headers` has changed them. */
  get lines(): string[] {
    this.#lines ??= forwardRequestHeaders(this.#start.exchange.client, this.facts, this.#start.forwarding)
    return this.#lines
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController()
      if (this.isOver) this.#abort.abort(this.#error)
    }
    return this.#abort.signal
  }

  get backend(): string {
    return this.liveBackend?.name ?? this.#start.exchange.frontend?.backend ?? ''
  }

  set backend(name: string) {
    this.#live = this.backendNamed(name)
    this.#only = undefined
  }

  /** The backend that gets the request. `undefined` if the configuration has none of that name. */
  get liveBackend(): LiveBackend | undefined {
    const { exchange, snapshot } = this.#start
    this.#live ??= snapshot?.backends.get(exchange.frontend?.backend ?? '')
    return this.#live
  }

  /**
   * Returns a backend of the configuration that the request uses.
   *
   * @param name its full name, or that of a backend of the frontend's own provider
   * @throws ProxyError `PROXY_HOOK_FAILED` if there is none
   */
  backendNamed(name: string): LiveBackend {
    const { name: own = '' } = this.#start.exchange.frontend ?? {}
    const backends = this.#start.snapshot?.backends
    const live = backends?.get(name) ?? backends?.get(name + own.slice(own.lastIndexOf('@')))
    if (live) return live
    throw new ProxyError('PROXY_HOOK_FAILED', `there is no backend ${JSON.stringify(name)}`)
  }

  get servers(): readonly LiveServer[] {
    return this.#only ?? this.liveBackend?.servers ?? []
  }

  set servers(only: readonly ServerView[]) {
    if (this.#server) throw new ProxyError('PROXY_HOOK_FAILED', 'a server was chosen already')
    const all: readonly ServerView[] = this.liveBackend?.servers ?? []
    const foreign = only.find((server) => !all.includes(server))
    if (foreign)
      throw new ProxyError('PROXY_HOOK_FAILED', `${String(foreign.name)} is not a server of ${this.backend}`)
    this.#only = only as readonly LiveServer[]
  }

  /** The servers that must not get the request, because a middleware has narrowed the choice. */
  get excluded(): Set<LiveServer> | undefined {
    const only = this.#only
    return only && new Set(this.liveBackend?.servers.filter((server) => !only.includes(server)))
  }

  get server(): LiveServer | undefined {
    return this.#server
  }

  /** A middleware answers by a promise. */
  awaits(answer: Promise<unknown>): void {
    this.awaited = answer
    this.answersAwaited += 1
  }

  /** All middlewares have let the request pass, so that each of them sees the next response. */
  isReached(): void {
    this.unseen = this.middlewares.length
  }

  get state(): Map<string, unknown> {
    this.#state ??= new Map()
    return this.#state
  }

  /** A server was chosen. */
  chose(server: LiveServer): void {
    this.#server = server
  }

  /** The request goes to another backend by GET, without its body and without conditions on what the client has. */
  becomesGet(): void {
    const { lines } = this
    for (let at = lines.length - 2; at >= 0; at -= 2)
      if (ABOUT_BODY.test(lines[at] as string)) lines.splice(at, 2)
  }

  /** No middleware need be asked any longer, because the client has its response. */
  settles(): void {
    this.isOver = true
    this.unseen = 0
  }

  /** The client has left, or gets an error. Aborts what middlewares still wait for. */
  end(reason: ProxyError): void {
    if (this.isOver) return
    this.settles()
    this.#error = reason
    this.#abort?.abort(reason)
  }

  /**
   * Refuses the request if a client's header looks like one that a middleware wrote.
   *
   * @throws ProxyError `PROXY_BAD_REQUEST`
   */
  refuseTwins(): void {
    if (this.#headers) HeaderLines.refuseTwins(this.#headers)
  }
}
