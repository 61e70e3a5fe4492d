import { asError, ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import type { RequestFacts } from '../model/request-facts.js'
import { HeaderList } from './header-list.js'
import type { UnderscoreHeaders } from './headers/proxy-fields.js'

/** A routed request and the server that is about to get it, as `onRequest` sees them. */
export interface RequestContext {
  /** The facts of the request that rules match on. */
  readonly facts: RequestFacts
  /** The full name of the frontend that won, such as `web@etcd`. */
  readonly frontend: string
  /** The full name of the backend, such as `web@etcd`. */
  readonly backend: string
  /** The name of the server within its backend. */
  readonly server: string
  /** The header fields that the server will get. The hook may change them. */
  readonly headers: HeaderList
}

/** A request and the head of the server's response, as `onResponse` sees them. */
export interface ResponseContext extends RequestContext {
  /** The status of the server's response. */
  readonly status: number
  /** The header fields that the client will get. The hook may change them. */
  readonly headers: HeaderList
}

/**
 * Functions of the host that see headers on their way, and may change them. The proxy calls them synchronously and does not await
 * a promise. If a hook throws or returns a promise, the client gets 500 `PROXY_HOOK_FAILED`.
 */
export interface Hooks {
  /**
   * Called after routing, before the request first goes to a server. A retry does not call it again.
   *
   * @default none
   * @example
   * onRequest: ({ headers, frontend }) => headers.set('X-Frontend', frontend)
   */
  readonly onRequest?: (context: RequestContext) => void
  /**
   * Called before the head of a server's response goes to the client. It is not called for error responses of the proxy, nor for
   * upgraded connections.
   *
   * @default none
   * @example
   * onResponse: ({ headers, server }) => headers.append('Via-Server', server)
   */
  readonly onResponse?: (context: ResponseContext) => void
}

/** Returns what both hooks see of a request whose server was picked. */
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
  }
}

type Named = { readonly name: string } | undefined

/** A request on its way to a server. */
interface SentRequest {
  readonly facts: RequestFacts | undefined
  readonly frontend: Named
  readonly backend: Named
  readonly server: Named
}

/**
 * Calls `onRequest` with the lines that the server is about to get.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED`; `PROXY_BAD_REQUEST` if a line of the client looks like a line that the hook wrote
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

/** Calls `onResponse`, if there is one, with the lines that the client is about to get. @throws ProxyError `PROXY_HOOK_FAILED` */
export function runResponseHook(
  hook: Hooks['onResponse'],
  context: Omit<RequestContext, 'headers'>,
  status: number,
  lines: string[],
): void {
  if (hook) runHook(hook, { ...context, status, headers: new HeaderList(lines) })
}

/** @throws ProxyError `PROXY_HOOK_FAILED` for everything else that the hook throws */
function runHook<T>(hook: (context: T) => void, context: T): void {
  try {
    const answer: unknown = hook(context)
    if (answer !== undefined) refusePromise(answer)
  } catch (thrown) {
    if (thrown instanceof ProxyError) throw thrown
    throw new ProxyError('PROXY_HOOK_FAILED', asError(thrown).message, { cause: thrown })
  }
}

// What the hook does after a wait comes too late. If its promise rejected without a handler, Node would end the process.
function refusePromise(answer: unknown): void {
  if (typeof (answer as PromiseLike<unknown> | null)?.then !== 'function') return
  onRejected(answer, () => {})
  throw new ProxyError('PROXY_HOOK_FAILED', 'the hook returned a promise; hooks are synchronous')
}
