import { Readable } from 'node:stream'
import type { Peer, RequestHeaders } from '../headers/request-head.js'

/** A request that comes over no connection. */
export interface InMemoryRequest {
  /** @default 'GET' */
  readonly method?: string
  /** Path and query, or a full URL. @default '/' */
  readonly target?: string
  /** Names and values in turn. @default none */
  readonly headers?: readonly string[]
  /** @default no body */
  readonly body?: string | Buffer | Readable
  /** Names and values of the fields after the body, in turn. @default none */
  readonly trailers?: readonly string[]
  /** The other end of the connection that the request pretends to come on. @default 192.0.2.1, without TLS */
  readonly peer?: Partial<Peer>
  /** The protocol to switch to, as in `websocket`. @default none */
  readonly upgradeProtocol?: string
}

/** Returns a stream of a body that has arrived completely. */
export function wholeStream(body: string | Buffer = ''): Readable {
  const stream = new Readable({ read() {} })
  stream.push(body)
  stream.push(null)
  return stream
}

/** Returns the header that says where the body ends, as every client of HTTP/1 sends one. */
export function framing(body: InMemoryRequest['body']): string[] {
  if (body instanceof Readable) return ['Transfer-Encoding', 'chunked']
  return body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))]
}

/** Returns headers by name in lower case, as `RequestHeaders` says. */
export function joined(raw: readonly string[]): RequestHeaders {
  const headers: Record<string, string> = Object.create(null)
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase()
    const before = headers[name]
    // A request has one host: the first counts, as in Node.
    if (before === undefined) headers[name] = raw[index + 1] as string
    else if (name !== 'host') headers[name] = `${before}, ${raw[index + 1]}`
  }
  return headers
}
