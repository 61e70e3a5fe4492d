import { asError, ProxyError } from '../model/errors.js'
import { type EntryMetadata, entryMetadata, type Metadata } from '../model/metadata.js'
import { onRejected } from '../model/rejections.js'
import type { RequestFacts } from '../model/request-facts.js'
import { HeaderList } from './header-list.js'
import type { UnderscoreHeaders } from './headers/proxy-fields.js'

/** A request that was routed, and the server that will get it. This is the argument of the `onRequest` hook. */
export interface RequestContext {
  /** The properties of the request that rules test, such as its host and path. */
  readonly facts: RequestFacts
  /** The full name of the frontend that matched the request, such as `web@etcd`. */
  readonly frontend: string
  /** The full name of the frontend's backend, such as `web@etcd`. */
  readonly backend: string
  /** The name of the chosen server within its backend. */
  readonly server: string
  /** The labels of the frontend, backend and server. What has no labels is absent. */
  readonly metadata: EntryMetadata
  /** The header fields that the server will get. The hook may change them. */
  readonly headers: HeaderList
}

/** A request and the head of the server's response. This is the argument of the `onResponse` hook. */
export interface ResponseContext extends RequestContext {
  /** The HTTP status code of the server's response. */
  readonly status: number
  /** The header fields that the client will get. The hook may change them. */
  readonly headers: HeaderList
}

/**
 * Functions of the application that may read and change the headers of forwarded requests and responses. The proxy calls them
 * synchronously, and does not await a promise. If a hook throws or returns a promise, the client gets 500 `PROXY_HOOK_FAILED`.
 */
export interface Hooks {
  /**
   * Called after a server was chosen, before the request is sent to it. It is not called again if the request is retried.
   *
   * @default none
   * @example
   * onRequest: ({ headers, frontend }) => headers.set('X-Frontend', frontend)
   */
  readonly onRequest?: (context: RequestContext) => void
  /**
   * Called before the head of a server's response is sent to the client. It is not called for error responses that the proxy
   * makes itself, or for connections that are upgraded, such as WebSockets.
   *
   * @default none
   * @example
   * onResponse: ({ headers, server }) => headers.append('Via-Server', server)
   */
  readonly onResponse?: (context: ResponseContext) => void
}

/**
 * Returns what `onRequest` and `onResponse` both get to see: the facts of the request, and the names and labels of its frontend,
 * backend and server.
 */
export function contextOf({
  facts,
  frontend,
  backend,
  server,
}: SentRequest): Omit<RequestContext, 'headers'> {
  return {
    facts: facts as RequestFacts,
    frontend: frontend?.name ?? '',
    backend: backend?.name ?? '',
    server: server?.name ?? '',
    metadata: entryMetadata({ frontend: frontend?.config, backend: backend?.config, server }) ?? {},
  }
}

/** A frontend or backend of the live configuration. */
type Entry = { readonly name: string; readonly config: { readonly metadata?: Metadata } } | undefined

/** A request that is about to be sent, or was sent, to a server. */
interface SentRequest {
  readonly facts: RequestFacts | undefined
  readonly frontend: Entry
  readonly backend: Entry
  readonly server: { readonly name: string; readonly metadata: Metadata } | undefined
}

/**
 * Calls `onRequest` with the header lines that the server is about to get.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED`; `PROXY_BAD_REQUEST` if a client's header looks like one that the hook wrote
 */
export function runRequestHook(
  hook: NonNullable<Hooks['onRequest']>,
  context: Omit<RequestContext, 'headers'>,
  lines: string[],
  twins: UnderscoreHeaders,
): void {
  const headers = new HeaderList(lines, twins)
  runHook(hook, { ...context, headers })
  HeaderList.refuseTwins(headers)
}

/**
 * Calls `onResponse`, if the application has one, with the header lines that the client is about to get.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED`
 */
export function runResponseHook(
  hook: Hooks['onResponse'],
  context: Omit<RequestContext, 'headers'>,
  status: number,
  lines: string[],
): void {
  if (hook) runHook(hook, { ...context, status, headers: new HeaderList(lines) })
}

/** Calls a hook. @throws ProxyError `PROXY_HOOK_FAILED` for any other error that the hook throws, and if it returns a promise */
function runHook<T>(hook: (context: T) => void, context: T): void {
  try {
    const answer: unknown = hook(context)
    if (answer !== undefined) refusePromise(answer)
  } catch (thrown) {
    if (thrown instanceof ProxyError) throw thrown
    throw new ProxyError('PROXY_HOOK_FAILED', asError(thrown).message, { cause: thrown })
  }
}

// Refuses a hook that returns a promise, because the hook's later changes would come too late. If the promise rejected without a
// handler, Node would end the process, so it gets a handler.
function refusePromise(answer: unknown): void {
  if (typeof (answer as PromiseLike<unknown> | null)?.then !== 'function') return
  onRejected(answer, () => {})
  throw new ProxyError('PROXY_HOOK_FAILED', 'the hook returned a promise; hooks are synchronous')
}
