import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Backend, Frontend } from 'switchover'

interface Document {
  readonly frontends: Record<string, Frontend>
  readonly backends: Record<string, Backend>
}

/**
 * A config API service, as docs/config-api.yaml describes it, over documents in memory. `put` and `delete` are the
 * operator's side; a real service would keep them in a database, in git, or in etcd.
 */
export class ConfigApi {
  readonly #documents = new Map<string, Document>()
  readonly #server: Server
  /** Every prefix that was asked for, in order. */
  readonly asked: string[] = []

  constructor() {
    this.#server = createServer((req, res) => this.#answer(req, res))
  }

  /** Listens on a free loopback port. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/config`
  }

  /** Adds a piece of a configuration under a prefix. */
  putFrontend(prefix: string, name: string, frontend: Frontend): void {
    this.#documentOf(prefix).frontends[name] = frontend
  }

  putBackend(prefix: string, name: string, backend: Backend): void {
    this.#documentOf(prefix).backends[name] = backend
  }

  /** Deletes all that is under a prefix. */
  delete(prefix: string): void {
    this.#documents.delete(prefix)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #documentOf(prefix: string): Document {
    let document = this.#documents.get(prefix)
    if (!document) {
      document = { frontends: {}, backends: {} }
      this.#documents.set(prefix, document)
    }
    return document
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? '/', 'http://config-api')
    const prefix = url.searchParams.get('prefix')
    if (url.pathname !== '/config') return send(res, 404, { error: 'there is only GET /config?prefix=' })
    if (req.method !== 'GET') return send(res, 405, { error: 'expected GET' }, { allow: 'GET' })
    if (prefix === null || !prefix.startsWith('/'))
      return send(res, 400, { error: 'expected ?prefix=/some/prefix' })
    this.asked.push(prefix)
    const document = this.#documents.get(prefix)
    if (!document) return send(res, 404, { error: `there is nothing under ${prefix}` })
    const body = JSON.stringify({ prefix, ...document })
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`
    if (req.headers['if-none-match'] === etag) res.writeHead(304, { etag }).end()
    else send(res, 200, body, { etag, 'x-config-prefix': prefix })
  }
}

function send(
  res: ServerResponse,
  status: number,
  body: object | string,
  headers: Record<string, string> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(text)
}
