import { Readable } from 'node:stream'
import { describeValue } from '../../base/messages.js'
import { TOKEN } from '../../base/token.js'
import { ProxyError } from '../../model/errors.js'
import type { LocalResponse } from '../../model/middleware.js'
import { HOP_BY_HOP } from '../headers/proxy-fields.js'
import type { ClientSide, UnreadBody } from './client-side.js'
import { hasNoBody } from './has-no-body.js'

/** A request that the proxy itself answers. */
export interface Answered {
  readonly client: ClientSide
  /** The request's body, if it is streamed to a server. */
  readonly body?: UnreadBody | undefined
  /** Number of bytes of the response's body that were written to the client. */
  bodyBytes: number
  /** The streams that the response's body is read from. They end with the exchange. */
  sources?: readonly Readable[] | undefined
  /** The error that broke the response off. */
  error?: ProxyError | undefined
}

/** A whole response that the proxy itself makes. */
export interface OwnResponse {
  readonly status: number
  /** The reason phrase, if it is another than the usual one for the status. */
  readonly reason?: string | undefined
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body?: string | Uint8Array | Readable | undefined
}

/**
 * Sends a whole response that the proxy itself makes. All of them are sent here.
 *
 * @param ends whether the connection must close after this response
 * @throws ProxyError `PROXY_HOOK_FAILED` if the body is a stream that has ended already; nothing is sent then
 */
export function sendOwn(answered: Answered, response: OwnResponse, ends: boolean): void {
  const { client } = answered
  const { status, reason, headers, body } = response
  if (body instanceof Readable && (body.destroyed || body.readableEnded || body.errored))
    throw new ProxyError('PROXY_HOOK_FAILED', 'the stream of a body had ended before it was sent')
  if (ends || hasMoreToCome(client)) client.closeAfter(answered.body)
  client.sendHead(status, reason, headers)
  if (body instanceof Readable) pump(answered, body, hasNoBody(client.method, status))
  else if (body === undefined || hasNoBody(client.method, status)) client.end()
  else {
    answered.bodyBytes = Buffer.byteLength(body)
    client.end(typeof body === 'string' ? body : Buffer.from(body))
  }
}

/** Sends a stream, no faster than the client reads it. */
function pump(answered: Answered, source: Readable, isUnwanted: boolean): void {
  const { client } = answered
  answered.sources = [source]
  source.on('error', (error) => {
    answered.error ??= new ProxyError('PROXY_HOOK_FAILED', error.message, { cause: error })
    client.breakOff()
  })
  if (isUnwanted) {
    source.destroy()
    client.end()
    return
  }
  source.on('data', (chunk: unknown) => {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
      source.destroy(
        new Error(`the body of a response has a chunk that is no bytes: ${describeValue(chunk)}`),
      )
      return
    }
    const bytes = Buffer.from(chunk as string)
    answered.bodyBytes += bytes.length
    const hasRoom = client.write(bytes)
    if (client.isBuffered) flushSoon(client)
    if (hasRoom) return
    source.pause()
    client.whenRoom(() => source.resume())
  })
  source.on('end', () => client.end())
  // A stream may have nothing to say yet, and the client wait for the head.
  setImmediate(() => {
    if (answered.bodyBytes === 0 && !client.hasEnded && !client.isGone) client.flushHead()
  })
  // A stream that is destroyed without an error ends without 'end'. The client must not take that for the whole body.
  source.on('close', () => {
    if (!source.readableEnded && !client.hasEnded) client.breakOff()
  })
}

/** Sends what code of the application holds back, at the end of this turn of the event loop. */
function flushSoon(client: ClientSide): void {
  setImmediate(() => {
    if (!client.hasEnded && !client.isGone) client.flush()
  })
}

/**
 * Returns a response of a middleware in the form in which it is sent. The proxy says itself where the body ends.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED` if HTTP does not allow one of the header fields
 */
export function ownOf({ status, headers = {}, body: given }: LocalResponse): OwnResponse {
  const body = given ?? undefined
  const lines: string[] = []
  const entries: Iterable<readonly [string, string | readonly string[]]> =
    Symbol.iterator in headers ? (headers as never) : Object.entries(headers)
  for (const [name, values] of entries) {
    const lower = name.toLowerCase()
    if (lower === 'content-length' || HOP_BY_HOP.has(lower)) continue
    for (const value of [values].flat()) lines.push(name, checked(name, value))
  }
  const isEmpty = hasNoBody('GET', status)
  // A 205 must say that it is empty, and a 204 or 304 must not (RFC 9110, 8.6 and 15.3.6).
  if (status === 205) lines.push('Content-Length', '0')
  else if (!isEmpty && !(body instanceof Readable))
    lines.push('Content-Length', String(Buffer.byteLength(body ?? '')))
  return { status, headers: lines, body }
}

function checked(name: string, value: unknown): string {
  if (TOKEN.test(name) && typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return value
  throw new ProxyError(
    'PROXY_HOOK_FAILED',
    `HTTP does not allow the header ${JSON.stringify(name)} with this value`,
  )
}

/**
 * Returns whether a part of the request's body has not arrived yet. If the connection stayed
 * open, the proxy would read that part for no purpose, or take it for the next request.
 */
function hasMoreToCome({ hasBody, isComplete, body, headers }: ClientSide): boolean {
  return hasBody && !isComplete && body.readableLength !== Number(headers['content-length'])
}
