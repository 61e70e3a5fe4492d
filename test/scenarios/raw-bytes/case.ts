import type { ProxyOptions } from 'switchover'

/** What a peer does next: bytes at once, or bytes once something has happened. */
export type Write =
  | string
  | {
      readonly when: 'server' | 'client'
      readonly has: string
      /** Or made from all that the server got. */
      readonly send: string | ((received: string) => string)
    }

/** What the server says to a request, once that is whole. */
export interface Answer {
  readonly bytes: string
  /** How its connection ends behind them; it stays open if left out. */
  readonly ending?: 'end' | 'reset'
  /** Answers as soon as the head of the request is there. */
  readonly early?: true
  /** Answers not before the server has got this too, on whatever connection. */
  readonly once?: string
}

/** What a case comes to. */
export interface Outcome {
  /** All that the server got, connection by connection where there were several; null where nothing may reach it. */
  readonly server: string | readonly string[] | null
  /** All that the client got; a number is the status of the one error response that may be there. */
  readonly client: string | RegExp | number
  /** Whether the client's connection takes a further request. */
  readonly open: boolean
}

/** Bytes in, bytes seen by the server, bytes out. */
export interface RawCase extends Outcome {
  /** Of the RFC that demands it, or why it is demanded. */
  readonly section: string
  /** docs/http.md points at cases by it. */
  readonly name: string
  readonly send: string | readonly Write[]
  /** The server's answers, one for each request; the last one serves for all further ones. Default: 200 with `ok`. */
  readonly answer?: string | Answer | readonly (string | Answer)[]
  /** What the server says, unasked, on its connection when the client has its response. */
  readonly unasked?: string
  /** Ends the client's side behind `send`. */
  readonly leaves?: true
  /** What else it may come to, where Nodes differ and both are right. */
  readonly or?: Outcome & { readonly why: string }
  readonly options?: Partial<ProxyOptions>
  /** Which requests have a route; all if left out. */
  readonly rule?: string
  /** On a server of the host's own that counts three headers, or has a lenient parser, instead of `listen`. */
  readonly on?: 'handler' | 'attach' | 'lenient-handler' | 'lenient-attach'
}

/** Lines with their ends. */
export function lines(...text: readonly string[]): string {
  return text.map((line) => `${line}\r\n`).join('')
}

/** A head, and the empty line behind it. */
export function head(...text: readonly string[]): string {
  return `${lines(...text)}\r\n`
}

/** A request for `/` with these header lines, and no body. */
export function get(...headers: readonly string[]): string {
  return head('GET / HTTP/1.1', 'Host: a.b', ...headers)
}

/** A request with these header lines, and a body. */
export function post(headers: readonly string[], body: string): string {
  return head('POST / HTTP/1.1', 'Host: a.b', ...headers) + body
}

/** A request as the server gets it: `headers` stand where they came. */
export function seen(start = 'GET /', headers: readonly string[] = [], more: Partial<SeenMore> = {}): string {
  const { host = 'a.b', framing = [], body = '', connection = 'keep-alive', via = '1.1' } = more
  const ours = OURS.replace('1.1', via)
  return (
    head(`${start} HTTP/1.1`, `host: ${host}`, `connection: ${connection}`, ...headers, ours, ...framing) +
    body
  )
}

interface SeenMore {
  readonly host: string
  /** What undici writes behind all others. */
  readonly framing: readonly string[]
  readonly body: string
  readonly connection: string
  /** The version that `Via` names. */
  readonly via: string
}

/** Stands for our `X-Forwarded-*`, `X-Real-Ip` and `Via`, if they say what they should. */
export const OURS = '(ours, via 1.1)'

/** What undici writes for a body of unknown length. */
export const CHUNKED: readonly string[] = ['transfer-encoding: chunked']

/** A response as the client gets it, on a connection that goes on: Node adds a date and what it says of itself. */
export function got(status: string, headers: readonly string[], body = ''): string {
  return head(`HTTP/1.1 ${status}`, ...headers, 'Date: (now)', ...KEPT) + body
}

/** The same on a connection that ends with it. */
export function gotLast(status: string, headers: readonly string[], body = ''): string {
  return head(`HTTP/1.1 ${status}`, ...headers, 'Date: (now)', 'Connection: close') + body
}

export const KEPT: readonly string[] = ['Connection: keep-alive', 'Keep-Alive: timeout=65']

export const PLAIN = head('HTTP/1.1 200 OK', 'Content-Length: 2')

/** The plain answer. */
export const OK = `${PLAIN}ok`

/** The plain answer as the client gets it. */
export const GOT_OK = got('200 OK', ['Content-Length: 2'], 'ok')

/** The same on a connection that ends with it. */
export const GOT_OK_LAST = gotLast('200 OK', ['Content-Length: 2'], 'ok')

/** What a client gets of a body of five bytes that came without its length. */
export function gotChunks(
  status: string,
  headers: readonly string[],
  body = '5\r\nhello\r\n0\r\n\r\n',
): string {
  return head(`HTTP/1.1 ${status}`, ...headers, 'Date: (now)', ...KEPT, 'Transfer-Encoding: chunked') + body
}

/** A request that is refused before any server sees it. */
export const REFUSED: Outcome = { server: null, client: 400, open: false }
