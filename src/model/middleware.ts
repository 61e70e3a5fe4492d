import type { Duplex, Readable } from 'node:stream'
import type { ProxyError } from './errors.js'
import type { HeaderList } from './header-list.js'
import type { EntryMetadata, Metadata } from './metadata.js'
import type { RequestFacts } from './request-facts.js'

/**
 * One thing that is done to a request between the match of a frontend and the choice of a server, or to the response. A
 * middleware never touches the client's connection: it returns what is to be sent. So logs, metrics, `HEAD` and connections that
 * stay open are right in any case.
 *
 * All functions may be absent. If one throws or its promise rejects, the client gets 500 `PROXY_HOOK_FAILED`, or the status of
 * the `ProxyError` that was thrown.
 */
export interface Middleware {
  /** The field of the document that asks for it, such as `whiteList`. Explanations and errors name it. */
  readonly name: string
  /**
   * Called in the order of the table, before a server is chosen. If it answers at once, no time is lost. If it returns a promise,
   * only this request waits.
   */
  readonly onRequest?: (request: MiddlewareRequest) => Verdict | Promise<Verdict>
  /** Called once a server was chosen, before the request is sent to it. It is not called again if the request is retried. */
  readonly onServer?: (request: MiddlewareRequest) => void
  /** Called in the opposite order, before the head of the response is sent to the client. Not for upgraded connections. */
  readonly onResponse?: (response: MiddlewareResponse) => Outcome | Promise<Outcome>
  /**
   * Called when the head of a response with a body is about to be sent. The body then flows through the stream that it returns.
   * The response leaves without its `Content-Length`.
   */
  readonly transformBody?: (response: MiddlewareResponse) => Duplex | undefined
}

/** What a middleware says of a request: go on (`undefined`), answer with this response, or with this error. */
export type Verdict = undefined | LocalResponse | ProxyError

/** What a middleware makes of a response: nothing, another response, or the response of another backend. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is the usual one
export type Outcome = void | LocalResponse | Redispatch

/** A response of the proxy itself. */
export interface LocalResponse {
  /** A status from 200 to 599. */
  readonly status: number
  /** Header values by name. The proxy writes `Content-Length`, `Date` and the fields about the connection. */
  readonly headers?:
    | Readonly<Record<string, string | readonly string[]>>
    | Iterable<readonly [string, string]>
  /** The body. A client that asks by `HEAD` gets only the head. */
  readonly body?: string | Uint8Array | Readable | null
}

/** Asks another backend by GET for the response, once for each request. */
export interface Redispatch {
  /** The name of the backend, of the frontend's own provider or as `name@provider`. */
  readonly backend: string
  /** Path and query for its server. */
  readonly target: string
  /** Whether the client gets the status of the response that is replaced. */
  readonly keepStatus: boolean
}

/** A request that has matched a frontend. */
export interface MiddlewareRequest {
  /** The facts that rules test. */
  readonly facts: RequestFacts
  /** Path and query in normal form, as the client has sent them: before the path modifiers of the frontend. */
  readonly target: string
  /** The address at the other end of the client's connection. `''` on a Unix socket. */
  readonly peerAddress: string
  /** The entry point on which the request came. */
  readonly entryPoint?: string | undefined
  /** The full name of the frontend, such as `web@etcd`. Absent in a middleware of an entry point. */
  readonly frontend?: string | undefined
  /** The labels of the frontend, the backend and the chosen server. What has no labels is absent. */
  readonly metadata: EntryMetadata
  /** The header fields that the server will get. */
  readonly headers: HeaderList
  /** Aborts if the client leaves, or if the request has taken too long. */
  readonly signal: AbortSignal
  /** Values that one middleware leaves for itself or for others. */
  readonly state: Map<string, unknown>
  /** The full name of the backend. Set it to send the request to another one of the same configuration. */
  backend: string
  /** The servers of the backend. Set it to a part of them, and only those can be chosen. */
  servers: readonly ServerView[]
  /** The chosen server. Absent before one was chosen. */
  readonly server?: ServerView | undefined
}

/** A server, as middlewares see it. */
export interface ServerView {
  /** The name of the server within its backend. */
  readonly name: string
  /** Its URL, as configured. */
  readonly url: string
  /** Its weight, as configured. */
  readonly weight: number
  /** Its labels. */
  readonly metadata: Metadata
}

/** A response that is about to be sent to the client. */
export interface MiddlewareResponse {
  /** The request that it answers. */
  readonly request: MiddlewareRequest
  /** Its status. */
  readonly status: number
  /** The header fields that the client will get. */
  readonly headers: HeaderList
  /** Who has made the response: a server, or the proxy itself. */
  readonly madeBy: 'server' | 'proxy'
  /** The error that the proxy answers with. Absent if it does not. */
  readonly error?: ProxyError
}

/** What a middleware is made with. A middleware imports nothing else of the proxy. */
export interface MiddlewareTools {
  /** The current time in milliseconds, which only grows. */
  readonly now: () => number
}

/** The middlewares of one frontend, in the order of the table. */
export interface Chain {
  /** The field that asks for each of them. */
  readonly fields: readonly string[]
  readonly middlewares: readonly Middleware[]
  /** Whether one of them has `onServer`. */
  readonly seesServers: boolean
  /** Whether one of them has `onResponse`. */
  readonly seesResponses: boolean
  /** Whether one of them has `transformBody`. */
  readonly transformsBodies: boolean
}
