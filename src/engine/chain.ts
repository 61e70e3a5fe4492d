import { Duplex, Readable } from 'node:stream'
import { describeValue } from '../base/messages.js'
import { asError, ProxyError } from '../model/errors.js'
import type {
  LocalResponse,
  Middleware,
  MiddlewareResponse,
  Outcome,
  Redispatch,
  Verdict,
} from '../model/middleware.js'
import { onRejected } from '../model/rejections.js'
import { HeaderLines } from './header-lines.js'
import type { ChainRequest } from './middleware-request.js'

/** What a middleware answers with: a response in place of any other, or an error. */
export type Answer = LocalResponse | ProxyError

/** What a chain makes of a response. */
export type Replacement = Answer | Redispatch

/**
 * Asks the middlewares that have not seen the request, one after the other, what becomes of it. It returns at once, unless one of
 * them answers by a promise. It never throws, and its promise never rejects.
 *
 * @returns undefined if the request goes on
 */
export function askChain(request: ChainRequest): Answer | undefined | Promise<Answer | undefined> {
  const { middlewares } = request
  while (request.unseen < middlewares.length && !request.isOver) {
    const middleware = middlewares[request.unseen] as Middleware
    let verdict: ReturnType<NonNullable<Middleware['onRequest']>>
    try {
      verdict = middleware.onRequest?.(request)
    } catch (thrown) {
      return failureOf(middleware, thrown)
    }
    // A middleware that answers does not see its own answer, so it only counts once it has let the request pass.
    if (verdict === undefined) request.unseen += 1
    else if (isPromise(verdict)) return askLater(middleware, verdict, request)
    else return answerOf(middleware, verdict)
  }
  return undefined
}

function askLater(
  middleware: Middleware,
  verdict: Promise<Verdict>,
  request: ChainRequest,
): Promise<Answer | undefined> {
  return settled(verdict).then(
    (late) => {
      if (late !== undefined) return answerOf(middleware, late)
      if (request.isOver) return undefined
      request.unseen += 1
      return askChain(request)
    },
    (thrown) => failureOf(middleware, thrown),
  )
}

/**
 * Shows a response to the middlewares that have seen the request, from the last to the first. Each sees it once. It returns at
 * once, unless one of them answers by a promise. It never throws, and its promise never rejects.
 *
 * @returns undefined if the response is sent
 */
export function reviewResponse(
  response: MiddlewareResponse,
  request: ChainRequest,
): Replacement | undefined | Promise<Replacement | undefined> {
  while (request.unseen > 0) {
    request.unseen -= 1
    const middleware = request.middlewares[request.unseen] as Middleware
    let outcome: ReturnType<NonNullable<Middleware['onResponse']>>
    try {
      outcome = middleware.onResponse?.(response)
    } catch (thrown) {
      return failureOf(middleware, thrown)
    }
    if (outcome === undefined) continue
    const decided = (late: Outcome) =>
      late === undefined ? reviewResponse(response, request) : replacementOf(middleware, late)
    if (!isPromise(outcome)) return decided(outcome)
    return settled(outcome).then(decided, (thrown) => failureOf(middleware, thrown))
  }
  return undefined
}

/**
 * Tells the middlewares once which server was chosen.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED` or another one that a middleware throws; `PROXY_BAD_REQUEST` for look-alike headers
 */
export function tellServer(request: ChainRequest): void {
  if (!request.seesServers || request.isTold) return
  request.isTold = true
  for (const middleware of request.middlewares) {
    if (!middleware.onServer) continue
    try {
      refusePromise(middleware.onServer(request))
    } catch (thrown) {
      throw failureOf(middleware, thrown)
    }
  }
  request.refuseTwins()
}

/** Refuses a promise from a function that is not awaited. Its rejection is handled, because it would end the process. */
export function refusePromise(returned: unknown, who = 'it', expected = 'it must answer at once'): void {
  if (!isPromise(returned)) return
  onRejected(returned, () => {})
  throw new ProxyError('PROXY_HOOK_FAILED', `${who} returned a promise; ${expected}`)
}

/** Returns a promise of ours. What the `then` of a foreign one returns is not to be trusted. */
function settled<T>(answer: Promise<T>): Promise<T> {
  return Promise.resolve(answer)
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

/** Returns the error for a middleware that has thrown. */
function failureOf({ name }: Middleware, thrown: unknown): ProxyError {
  try {
    if (thrown instanceof ProxyError) return thrown
    return new ProxyError('PROXY_HOOK_FAILED', `${name}: ${asError(thrown).message}`, { cause: thrown })
  } catch {
    // What was thrown cannot even be looked at.
    return new ProxyError('PROXY_HOOK_FAILED', `${name}: it threw something that is no error`)
  }
}

function answerOf(middleware: Middleware, verdict: LocalResponse | ProxyError): Answer {
  try {
    if (verdict instanceof ProxyError || isLocalResponse(verdict)) return verdict
  } catch (thrown) {
    return failureOf(middleware, thrown)
  }
  return wrong(middleware, verdict, 'nothing, a response with a status from 200 to 599, or a ProxyError')
}

function replacementOf(middleware: Middleware, outcome: LocalResponse | Redispatch): Replacement {
  try {
    if (isRedispatch(outcome) || isLocalResponse(outcome)) return outcome
  } catch (thrown) {
    return failureOf(middleware, thrown)
  }
  return wrong(middleware, outcome, 'nothing, a response with a status from 200 to 599, or a backend to ask')
}

function wrong({ name }: Middleware, found: unknown, expected: string): ProxyError {
  return new ProxyError('PROXY_HOOK_FAILED', `${name}: expected ${expected}, found ${describeValue(found)}`)
}

export function isRedispatch(outcome: unknown): outcome is Redispatch {
  const { backend, target } = (outcome ?? {}) as Partial<Redispatch>
  return typeof backend === 'string' && typeof target === 'string'
}

function isLocalResponse(verdict: unknown): verdict is LocalResponse {
  const { status, body } = (verdict ?? {}) as Partial<LocalResponse>
  const isBody =
    (body ?? undefined) === undefined ||
    typeof body === 'string' ||
    body instanceof Uint8Array ||
    body instanceof Readable
  return isBody && Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599
}

/** Frees what an answer holds that is never sent. */
export function discard(answer: { readonly body?: unknown } | Replacement | undefined): void {
  const { body } = (answer ?? {}) as { readonly body?: unknown }
  if (body instanceof Readable) body.destroy()
}

/**
 * Returns the streams through which the body of a response flows, in this order, and takes away what is no longer true. The last
 * middleware of the table changes the body first.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED` if a middleware throws
 */
export function transformsOf(request: ChainRequest, status: number, headers: string[]): readonly Duplex[] {
  const response = { request, status, headers: new HeaderLines(headers), madeBy: 'server' } as const
  const streams: Duplex[] = []
  for (const middleware of request.middlewares.toReversed()) {
    try {
      streams.push(...streamOf(middleware.transformBody?.(response)))
    } catch (thrown) {
      for (const stream of streams) stream.destroy()
      throw failureOf(middleware, thrown)
    }
  }
  if (streams.length > 0)
    for (let at = headers.length - 2; at >= 0; at -= 2)
      if (/^(?:content-length|trailer)$/i.test(headers[at] as string)) headers.splice(at, 2)
  return streams
}

/** Returns what `transformBody` has returned as a list. @throws ProxyError `PROXY_HOOK_FAILED` if it is no stream */
function streamOf(returned: Duplex | undefined): readonly Duplex[] {
  if (returned === undefined) return []
  refusePromise(returned)
  if (returned instanceof Duplex) return [returned]
  throw new ProxyError('PROXY_HOOK_FAILED', `expected a Duplex stream, found ${describeValue(returned)}`)
}
