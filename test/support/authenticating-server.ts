import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What is known of a connection: that is NTLM's way, and Negotiate's. */
interface Known {
  readonly id: number
  /** Who it is, from the third step on. */
  user?: string
  /** What the third step must repeat. */
  nonce?: string
}

/** What the server says of each request. */
export interface Said {
  readonly server: string
  /** The number of the connection. */
  readonly connection: number
  /** Who the server takes the client for. */
  readonly user: string | null
  /** Who sent the request, as the client says in `X-Client`. */
  readonly client: string | null
}

/** A server that binds a user to the connection in three steps, as IIS does; the messages are not NTLM's own, but the state is the socket's. */
export class AuthenticatingServer {
  readonly name: string
  readonly server: Server
  readonly sockets = new Set<Socket>()
  readonly #scheme: string
  readonly #known = new WeakMap<Socket, Known>()
  /** Accepted so far. */
  connections = 0
  /** Answers that were given to another client than the user. */
  mixed = 0
  /** Third steps that did not follow the second of the same connection. */
  halfHandshakes = 0
  /** Each request: its connection, method and credential. */
  readonly log: string[] = []
  /** What a challenge says below its head, and whether in chunks. */
  refusal: { readonly body: string; readonly isChunked?: boolean } = { body: 'no' }
  /** Called before an answer to a request that a user is known for. */
  beforeAnswer: (req: IncomingMessage, res: ServerResponse) => boolean = () => false

  private constructor(name: string, tls?: { readonly key: string; readonly cert: string }) {
    this.name = name
    this.#scheme = tls ? 'https' : 'http'
    const answer = (req: IncomingMessage, res: ServerResponse) => this.#answer(req, res)
    const options = { keepAliveTimeout: 60_000 }
    this.server = tls ? createTlsServer({ ...options, ...tls }, answer) : createServer(options, answer)
    this.server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections += 1
      this.#known.set(socket, { id: this.connections })
      this.sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.sockets.delete(socket))
    })
    this.server.on('upgrade', (req, socket) => {
      const said = JSON.stringify(this.#said(req))
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.end(said)
    })
  }

  /** @param tls the certificate to show, and its key; plain HTTP without */
  static async start(
    name = 'one',
    tls?: { readonly key: string; readonly cert: string },
  ): Promise<AuthenticatingServer> {
    const server = new AuthenticatingServer(name, tls)
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      for (const socket of server.sockets) socket.destroy()
      await new Promise((resolve) => server.server.close(resolve))
    })
    return server
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const known = this.#known.get(req.socket) as Known
    const { authorization = '' } = req.headers
    // Without a word of how long it may be idle: Node adds that to a header of its own alone.
    res.setHeader('Connection', 'keep-alive')
    this.log.push(`${known.id} ${req.method} ${authorization}`)
    const [, scheme = '', token = ''] = /^(\S+)[ \t]+(\S+)$/.exec(authorization) ?? []
    const [step, user = '', nonce = ''] = token.split('-')
    if (step === 'first') {
      known.nonce = `${this.name}.${known.id}.${this.log.length}`
      return this.#challenge(res, `${scheme} second-${known.nonce}`)
    }
    if (step === 'third') {
      if (known.nonce === undefined || known.nonce !== nonce) {
        this.halfHandshakes += 1
        return this.#challenge(res, 'NTLM')
      }
      known.user = user
    }
    // In one step, as Kerberos does it.
    if (step === 'whole') known.user = user
    if (known.user === undefined)
      return this.#challenge(
        res,
        ...((req.headers['x-schemes'] as string) ?? 'Basic realm="x", ntlm').split(';'),
      )
    if (this.beforeAnswer(req, res)) return
    req.resume()
    const said = JSON.stringify(this.#said(req))
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': said.length }).end(said)
  }

  #challenge(res: ServerResponse, ...challenges: string[]): void {
    // Before the body is read: the status is known from the head.
    const { body, isChunked = false } = this.refusal
    const framing = isChunked ? {} : { 'Content-Length': body.length }
    res.writeHead(401, { 'WWW-Authenticate': challenges, ...framing }).end(body)
    res.req.resume()
  }

  #said(req: IncomingMessage): Said {
    const known = this.#known.get(req.socket) as Known
    const client = (req.headers['x-client'] as string | undefined) ?? null
    const user = known.user ?? null
    if (user !== null && user !== client) this.mixed += 1
    return { server: this.name, connection: known.id, user, client }
  }
}
