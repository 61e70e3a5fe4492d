import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Random } from '../fuzz/random.js'
import { httpGet } from '../support/http-get.js'
import { CLIENT_CONNECTIONS, type HostileClient } from './clients.js'
import type { HostileDocument } from './documents.js'
import type { HostileAnswer } from './servers.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The longest that one act goes on. */
const ACT_MS = 1_500

/** Everything hostile: a server behind the proxy, clients before it, and the service of a document that it polls. */
export class HostileSide {
  /** What the server answers next. Without one it answers as it should. */
  #answer: HostileAnswer | undefined
  #document: { readonly text: string; readonly type: string } = { text: BENIGN.json, type: TYPES.json }
  #polled = 0
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  readonly #documents: HttpServer

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket))
    this.#documents = createHttpServer((_req, res) => {
      this.#polled += 1
      res.setHeader('Content-Type', this.#document.type)
      res.end(this.#document.text)
    })
  }

  async open(): Promise<this> {
    for (const server of [this.#server, this.#documents])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get serverUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Of a service whose path ends like no format's, so that the content type alone says what is parsed. */
  get documentsUrl(): string {
    return `http://127.0.0.1:${(this.#documents.address() as AddressInfo).port}/document`
  }

  /** A client with several connections, all of which say the same kind of thing. Resolves when it has gone. */
  async actAsClient(make: (random: Random) => HostileClient, seed: number, ports: Ports): Promise<void> {
    const clients = Array.from({ length: CLIENT_CONNECTIONS }, (_, nth) => make(new Random(seed, nth)))
    const end = performance.now() + ACT_MS
    await Promise.all(clients.map((client) => this.#speak(client, ports, end)))
  }

  async #speak(client: HostileClient, ports: Ports, end: number): Promise<void> {
    const port = client.toStatus ? ports.statusPort : ports.port
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    if (client.reads) socket.resume()
    const { bytes, pieces = 1 } = client
    const size = Math.ceil(bytes.length / pieces)
    for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
      socket.write(bytes.slice(at, at + size), 'latin1')
      await turn()
    }
    await untilClosed(socket, end)
    socket.destroy()
  }

  /** Its server answers the next requests in a hostile way. Resolves when the client that asked has gone. */
  async actAsServer(make: (random: Random) => HostileAnswer, random: Random, { port }: Ports): Promise<void> {
    this.#answer = make(random)
    const ask = { port, host: 'hostile.test', headers: { Connection: 'close' } }
    const asked = [httpGet(ask), httpGet({ ...ask, method: 'HEAD' })].map((answer) => answer.catch(() => {}))
    await Promise.race([Promise.all(asked), new Promise((resolve) => setTimeout(resolve, ACT_MS))])
    this.#answer = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Offers a document to be polled. Resolves when it was. */
  async offer({ text, format }: HostileDocument): Promise<void> {
    await this.#untilPolled({ text, type: TYPES[format] })
    await this.#untilPolled({ text: BENIGN.json, type: TYPES.json })
  }

  async #untilPolled(document: { readonly text: string; readonly type: string }): Promise<void> {
    this.#document = document
    const before = this.#polled
    // After a refusal the proxy asks again only after a while.
    const end = performance.now() + 2 * ACT_MS
    while (this.#polled === before && performance.now() < end) await new Promise((r) => setTimeout(r, 20))
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#documents.closeAllConnections()
    for (const server of [this.#server, this.#documents])
      await new Promise((resolve) => server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    let unread = ''
    socket.on('data', (chunk: Buffer) => {
      unread += chunk.toString('latin1')
      for (let end = unread.indexOf('\r\n\r\n'); end >= 0; end = unread.indexOf('\r\n\r\n')) {
        const head = unread.slice(0, end)
        unread = unread.slice(end + 4)
        void this.#answerTo(socket, head)
      }
      // Bodies are of no interest.
      if (unread.length > 100_000) unread = ''
    })
  }

  async #answerTo(socket: Socket, head: string): Promise<void> {
    if (this.#answer) return play(socket, this.#answer)
    if (/^\S+ \/hang/.test(head)) return
    const body = /^\S+ \/large/.test(head) ? 'x'.repeat(1_000_000) : 'ok'
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${/^HEAD/.test(head) ? '' : body}`)
  }
}

/** Where the proxy listens. */
export interface Ports {
  readonly port: number
  readonly statusPort: number
}

const TYPES = { json: 'application/json', yaml: 'application/yaml', toml: 'application/toml' } as const

/** What a provider delivers while nothing hostile is asked of it. */
export const BENIGN: Readonly<Record<'json' | 'yaml' | 'toml', string>> = {
  json: '{"frontends":{"one":{"backend":"one","rule":"Host:json.test"}},"backends":{"one":{"servers":{"s":{"url":"http://127.0.0.1:1"}}}}}',
  yaml: 'frontends: {one: {backend: one, rule: "Host:yaml.test"}}\nbackends: {one: {servers: {s: {url: "http://127.0.0.1:1"}}}}\n',
  toml: '[frontends.one]\nbackend = "one"\nrule = "Host:toml.test"\n[backends.one.servers.s]\nurl = "http://127.0.0.1:1"\n',
}

async function play(socket: Socket, { pieces, repeatTo = 0, end }: HostileAnswer): Promise<void> {
  for (const piece of pieces) {
    if (!socket.writable) return
    socket.write(piece, 'latin1')
    await turn()
  }
  const last = pieces.at(-1) ?? ''
  for (let sent = 0; sent < repeatTo && socket.writable; sent += last.length) {
    if (!socket.write(last, 'latin1')) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  if (end === 'end') socket.end()
  else if (end === 'reset') socket.resetAndDestroy()
}

function untilClosed(socket: Socket, end: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, end - performance.now()))
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
