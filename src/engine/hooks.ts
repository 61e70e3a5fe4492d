import { HOOKS, type Row } from '../middlewares/middleware-kind.js'
import { asError, ProxyError } from '../model/errors.js'
import type { HeaderList } from '../model/header-list.js'
import type { EntryMetadata } from '../model/metadata.js'
import type { MiddlewareRequest } from '../model/middleware.js'
import type { RequestFacts } from '../model/request-facts.js'
import { refusePromise } from './chain.js'

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

/** The hooks of an application as a row of the table of middlewares: the last one. Each frontend has it, if there are hooks. */
export function hooksRow(hooks: Hooks): Row<Hooks> {
  return {
    field: HOOKS,
    of: () => (hooks.onRequest || hooks.onResponse ? hooks : undefined),
    compile: ({ onRequest, onResponse }) => ({
      name: HOOKS,
      ...(onRequest && { onServer: (request) => runHook(onRequest, contextOf(request)) }),
      ...(onResponse && {
        onResponse: ({ request, status, headers, madeBy }) => {
          if (madeBy === 'server') runHook(onResponse, { ...contextOf(request), status, headers })
        },
      }),
    }),
    explain: ({ onRequest, onResponse }) => {
      const names = [onRequest && 'onRequest', onResponse && 'onResponse'].filter(Boolean)
      return { verdict: `${names.join(' and ')} may change headers` }
    },
  }
}

function contextOf(request: MiddlewareRequest): RequestContext {
  const { facts, frontend = '', backend, server, metadata, headers } = request
  return { facts, frontend, backend, server: server?.name ?? '', metadata, headers }
}

/** Calls a hook. @throws ProxyError `PROXY_HOOK_FAILED` for any other error that the hook throws, and if it returns a promise */
function runHook<T>(hook: (context: T) => void, context: T): void {
  try {
    refusePromise(hook(context), 'the hook', 'hooks are synchronous')
  } catch (thrown) {
    if (thrown instanceof ProxyError) throw thrown
    throw new ProxyError('PROXY_HOOK_FAILED', asError(thrown).message, { cause: thrown })
  }
}
