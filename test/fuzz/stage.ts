import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  type AddressInfo,
  createServer as createRawServer,
  type Server as RawServer,
  type Socket,
} from 'node:net'
import { createProxy, type ReverseProxy, serverOptions } from 'switchover'
import { httpGet } from '../support/http-get.js'
import { ownersIn, probeMark } from './marks.js'
import { RequestReader } from './request-reader.js'
import type { Script } from './scripts.js'

/** Connections to a server that a proxy may keep: as many as were in use at once, not more with every case. */
const MOST_UPSTREAM = 24

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Resolves once `holds` does: looked at every turn at first, then every few milliseconds. @returns whether it came to hold */
export async function soon(holds: () => boolean, limitMs: number): Promise<boolean> {
  const start = performance.now()
  for (let turns = 0; !holds(); turns++) {
    if (performance.now() - start > limitMs) return false
    await (turns < 200 ? turn() : new Promise((resolve) => setTimeout(resolve, 2)))
  }
  return true
}

/**
 * A proxy with two servers behind it, and eyes on all of them: `/echo` is a proper server, that tells what it saw; `/raw`
 * does what the script of the case says. Whatever must not be is kept as a complaint.
 */
export class Stage {
  readonly complaints: string[] = []
  /** What the server of `/raw` got through tunnels of this case. */
  tunnelled = ''
  #script: Script | undefined
  /** Answers of a script that are still being played. */
  #playing = 0
  #entered = 0
  #upgrades = 0
  #finished = 0
  #dispatched = 0
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #front: Server
  readonly #frontSockets = new Set<Socket>()
  readonly #echo: Server
  readonly #echoSockets = new Set<Socket>()
  readonly #raw: RawServer
  readonly #rawSockets = new Set<Socket>()
  /** Connections on which a script has answered in pieces. */
  readonly #suspect = new Set<Socket>()
  #proxy: ReverseProxy | undefined
  readonly #onBegun = () => {
    this.#entered += 1
  }
  readonly #complain = (what: string, text: unknown) => this.complaints.push(`${what}: ${String(text)}`)
  readonly #onThrown = (error: unknown) =>
    this.#complain('thrown, and caught by nobody', (error as Error)?.stack ?? error)

  constructor() {
    this.#front = createServer(serverOptions({}))
    this.#echo = createServer({ keepAliveTimeout: 60_000 }, (req, res) => this.#answerEcho(req, res))
    this.#raw = createRawServer({ allowHalfOpen: true }, (socket) => this.#serveRaw(socket))
    keepSockets(this.#front, this.#frontSockets)
    keepSockets(this.#echo, this.#echoSockets)
    keepSockets(this.#raw, this.#rawSockets)
  }

  async open(): Promise<this> {
    process.on('uncaughtException', this.#onThrown)
    process.on('unhandledRejection', this.#onThrown)
    for (const server of [this.#echo, this.#raw, this.#front])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const servers = (server: RawServer) => ({ s: { url: `http://127.0.0.1:${portOf(server)}` } })
    const proxy = createProxy({
      config: {
        frontends: {
          raw: { backend: 'raw', rule: 'Path:/raw' },
          all: { backend: 'echo', rule: 'PathPrefix:/', priority: 1 },
        },
        backends: { raw: { servers: servers(this.#raw) }, echo: { servers: servers(this.#echo) } },
      },
      upgradeProtocols: ['echo'],
      retry: { budget: 1 },
      // No request may come to a server but as one that was sent to it.
      onRequest: ({ headers }) => headers.set('X-Dispatch', String(++this.#dispatched)),
    })
    this.#proxy = proxy
    proxy.on('requestFinished', () => {
      this.#finished += 1
    })
    // Not of those that wait for others of their connection: what ends before their turn is no request.
    subscribe('switchover.request.start', this.#onBegun)
    proxy.attach(this.#front)
    // Not by a listener: beside another one, the proxy leaves alone what no frontend matches.
    const emit = this.#front.emit.bind(this.#front)
    this.#front.emit = (event: string, ...given: unknown[]) => {
      if (event === 'upgrade') this.#upgrades += 1
      return emit(event, ...given)
    }
    await proxy.ready()
    return this
  }

  get port(): number {
    return portOf(this.#front)
  }

  begin(script: Script): void {
    this.#script = script
    this.tunnelled = ''
  }

  /** Two plain requests, one to each server, must be answered as ever. */
  async probe(number: number, ...paths: ('/echo' | '/raw')[]): Promise<void> {
    for (const path of paths) {
      const mark = probeMark(number, path === '/raw' ? 1 : 0)
      const ask = { port: this.port, path: `${path}?${mark}`, headers: { 'x-id': mark }, agent: this.#agent }
      const answer = await httpGet(ask).catch((error: Error) => ({ status: 0, body: error.message }))
      if (answer.status !== 200 || answer.body !== `for ${mark}`)
        this.#complain('a plain request', `${path} got ${answer.status} ${JSON.stringify(answer.body)}`)
    }
  }

  /** Nothing of the case may be left: no client's socket, no request under way, no more connections to servers than before. */
  async quiet(): Promise<void> {
    const left = () => ({
      'client sockets': [...this.#frontSockets].filter(({ destroyed }) => !destroyed).length - this.#kept,
      'answers still played': this.#playing,
      // What was upgraded may have been gone before it was a request.
      'requests under way': Math.max(0, this.#entered - this.#finished),
      'reports too many': Math.max(0, this.#finished - this.#entered - this.#upgrades),
      'connections to /raw too many': Math.max(0, this.#rawSockets.size - MOST_UPSTREAM),
      'connections to /echo too many': Math.max(0, this.#echoSockets.size - MOST_UPSTREAM),
    })
    const isQuiet = () => Object.values(left()).every((count) => count === 0)
    if (!(await soon(isQuiet, 5_000))) this.#complain('left over', JSON.stringify(left()))
    // A piece that comes when a response has ended already is taken for the answer to the next request, if that is there
    // first: no proxy can tell. With the whole answer in one piece it can, and must.
    for (const socket of this.#suspect) socket.destroy()
    this.#suspect.clear()
  }

  /** The probes' own connection. */
  get #kept(): number {
    return Object.values(this.#agent.freeSockets).flat().length
  }

  #answerEcho(req: IncomingMessage, res: ServerResponse): void {
    let text = `${req.url}\n${req.rawHeaders.join('\n')}\n`
    this.#checkDispatch(req.rawHeaders.join('\r\n'))
    req.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    req.on('end', () => {
      this.#checkOwners('a request at /echo', text)
      res.setHeader('X-Id', String(req.headers['x-id'] ?? 'none').slice(0, 40))
      res.end(`for ${req.headers['x-id']}`)
    })
    req.on('error', () => this.#checkOwners('a request at /echo, cut', text))
    res.on('error', () => {})
  }

  #serveRaw(socket: Socket): void {
    const reader = new RequestReader()
    let tunnel = false
    socket.on('error', () => {})
    socket.on('end', () => tunnel || socket.end())
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk.toString('latin1'))
      while (!tunnel) {
        const request = reader.next()
        if (!request) return
        tunnel = this.#answerRaw(socket, request.head) && request.upgrade
      }
      this.tunnelled += reader.rest()
    })
  }

  /** @returns whether the script has answered it */
  #answerRaw(socket: Socket, head: string): boolean {
    this.#checkDispatch(head)
    this.#checkOwners('a request at /raw', head)
    const mark = /^x-id: *(.*)$/im.exec(head)?.[1] ?? ''
    const isProbe = [...ownersIn(mark)].some((owner) => owner.startsWith('probe'))
    if (isProbe) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${mark.length + 4}\r\n\r\nfor ${mark}`)
    else void this.#play(socket)
    return !isProbe
  }

  async #play(socket: Socket): Promise<void> {
    const { server = [], serverEnd } = this.#script ?? {}
    this.#playing += 1
    if (server.length > 1) this.#suspect.add(socket)
    for (const piece of server) {
      if (socket.destroyed || socket.writableEnded) break
      socket.write(piece, 'latin1')
      await turn()
    }
    if (serverEnd === 'end') socket.end()
    else if (serverEnd === 'reset') socket.resetAndDestroy()
    else if (serverEnd === 'destroy') socket.destroy()
    this.#playing -= 1
  }

  /** @param head of a request that came to a server */
  #checkDispatch(head: string): void {
    const given = head.match(/x-dispatch(: |\r\n)\d+/gi) ?? []
    if (given.length !== 1) this.#complain('a request that was never sent', JSON.stringify(head))
  }

  #checkOwners(where: string, text: string): void {
    if (ownersIn(text).size > 1)
      this.#complain(`${where} with bytes of more than one client`, JSON.stringify(text))
  }

  /** Ends every tunnel that is left: neither side of the case has anything to say any more. */
  endTunnels(): void {
    for (const socket of this.#rawSockets) if (socket.listenerCount('data') > 0) socket.destroy()
  }

  /** @returns connections to servers that a closed proxy has left */
  async close(): Promise<number> {
    unsubscribe('switchover.request.start', this.#onBegun)
    this.#agent.destroy()
    await this.#proxy?.close({ drainMs: 0 })
    const left = () => this.#rawSockets.size + this.#echoSockets.size
    await soon(() => left() === 0, 2_000)
    const found = left()
    for (const socket of [...this.#rawSockets, ...this.#echoSockets]) socket.destroy()
    for (const server of [this.#front, this.#echo, this.#raw])
      await new Promise((resolve) => server.close(resolve))
    process.off('uncaughtException', this.#onThrown)
    process.off('unhandledRejection', this.#onThrown)
    return found
  }
}

function keepSockets(server: RawServer, sockets: Set<Socket>): void {
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
}

function portOf(server: RawServer): number {
  return (server.address() as AddressInfo).port
}
