import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from './next-event.js'

/** How a question is answered, or not. */
export type Behaviour = (res: ServerResponse, req: IncomingMessage) => void

/** One question that the API was asked. */
export interface Question {
  /** Path and query, as sent. */
  readonly url: string
  readonly prefix: string | undefined
  readonly headers: IncomingMessage['headers']
}

/** A config API service that does what it is told: above all, what a service should never do. */
export class HostileApi {
  readonly asked: Question[] = []
  /** Bytes of bodies handed to the network by `endless`. */
  streamed = 0
  readonly #server: Server
  readonly #behaviours = new Map<string, Behaviour[]>()
  #otherwise: Behaviour = status(404, '{"error":"there is nothing under this prefix"}')

  constructor() {
    this.#server = createServer((req, res) => this.#answer(req, res))
  }

  static async start(): Promise<HostileApi> {
    const api = new HostileApi()
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve))
    return api
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get url(): string {
    return `${this.origin}/config`
  }

  /** For a prefix (or path, where a question names no prefix): each question gets the next; the last one stays. */
  on(prefixOrPath: string, ...behaviours: Behaviour[]): this {
    this.#behaviours.set(prefixOrPath, behaviours)
    return this
  }

  /** For every question that nothing else is said about. */
  otherwise(behaviour: Behaviour): this {
    this.#otherwise = behaviour
    return this
  }

  timesAsked(prefix: string): number {
    return this.asked.filter((question) => question.prefix === prefix).length
  }

  async untilAsked(prefix: string, times: number): Promise<void> {
    await eventually(() => this.timesAsked(prefix) >= times, `the API is asked ${times} times for ${prefix}`)
  }

  /**
   * Streams about this many bytes that look like the beginning of a document, as fast as they are taken.
   *
   * @param announced whether it says first how long it will be
   */
  endless(bytes: number, { announced = false } = {}): Behaviour {
    return (res) => {
      const length = announced ? { 'content-length': String(2 * bytes) } : {}
      res.writeHead(200, { 'content-type': 'application/json', ...length })
      res.write('{"frontends":{"web":{"rule":"')
      const piece = Buffer.alloc(64 * 1024, 'x')
      let left = bytes
      const write = () => {
        while (left > 0 && !res.destroyed) {
          left -= piece.length
          this.streamed += piece.length
          if (!res.write(piece)) return
        }
        if (!res.destroyed) res.end('"}}}')
      }
      res.on('drain', write)
      write()
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://hostile-api')
    const prefix = searchParams.get('prefix') ?? undefined
    this.asked.push({ url: req.url ?? '', prefix, headers: req.headers })
    const behaviours = this.#behaviours.get(prefix ?? pathname) ?? this.#behaviours.get(pathname) ?? []
    const behaviour = behaviours.length > 1 ? behaviours.shift() : behaviours[0]
    ;(behaviour ?? this.#otherwise)(res, req)
  }
}

export function status(
  code: number,
  body: string | Buffer = '',
  headers: Record<string, string | string[]> = {},
): Behaviour {
  return (res) => res.writeHead(code, headers).end(body)
}

/** 200 with this document, or with whatever else is to pass for one. */
export function json(document: unknown, headers: Record<string, string> = {}): Behaviour {
  return status(200, JSON.stringify(document), { 'content-type': 'application/json', ...headers })
}

export const htmlPage: Behaviour = status(200, '<!doctype html><title>Sign in</title>', {
  'content-type': 'text/html',
})

/** 200 with a whole answer that ends in the middle of its document. */
export function truncated(document: unknown): Behaviour {
  const text = JSON.stringify(document)
  return status(200, text.slice(0, text.length / 2), { 'content-type': 'application/json' })
}

/** Accepts the question and never answers. */
export const silent: Behaviour = () => {}

/** Promises a long body, sends these bytes of it, and goes silent. */
export function stallAfter(start: string, code = 200): Behaviour {
  return (res) => {
    res.writeHead(code, { 'content-length': '100000' })
    res.write(start)
  }
}

/** Promises a long body, sends these bytes of it, and cuts the connection. */
export function cutAfter(start: string, code = 200): Behaviour {
  return (res) => {
    res.writeHead(code, { 'content-length': '100000' })
    // A turn later, so that the bytes have left before the connection goes.
    res.write(start, () => setTimeout(() => res.destroy(), 20))
  }
}

/** A byte every few milliseconds, for ever: no single wait is long. */
export function drip(everyMs: number): Behaviour {
  return (res) => {
    res.writeHead(200)
    const timer = setInterval(() => res.write(' '), everyMs)
    res.on('close', () => clearInterval(timer))
  }
}

/** A whole document, in so many pieces, one every few milliseconds. */
export function slowly(document: unknown, pieces: number, everyMs: number): Behaviour {
  return (res) => {
    const text = JSON.stringify(document)
    const size = Math.ceil(text.length / pieces)
    let sent = 0
    res.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => {
      res.write(text.slice(sent, sent + size))
      sent += size
      if (sent < text.length) return
      clearInterval(timer)
      res.end()
    }, everyMs)
    res.on('close', () => clearInterval(timer))
  }
}
