import { createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { eventually } from './next-event.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** How connections from before a restart end when a request comes on one. */
export interface Cut {
  readonly by: 'FIN' | 'RST'
  /** Which of them: the one that was asked, or all at once with the first. Default: the one. */
  readonly which?: 'one' | 'all'
  /** What is said before the cut. Default: nothing. */
  readonly after?: string
}

/**
 * A server that restarts again and again: it answers nothing on connections from before, but cuts them. The proxy cannot know
 * beforehand, for neither FIN nor RST comes before its request.
 */
export class RestartingServer {
  readonly cut: string[] = []
  readonly answered: string[] = []
  onConnection: (socket: Socket) => void = () => {}
  readonly #scheme: string
  readonly #server
  readonly #how: Cut
  readonly #old = new Set<Socket>()
  readonly #all = new Set<Socket>()
  /** Sockets whose request waits for its answer, if requests are to wait. */
  #held: Socket[] | undefined

  private constructor(how: Cut, tls?: { readonly key: string; readonly cert: string }) {
    this.#how = how
    this.#scheme = tls ? 'https' : 'http'
    this.#server = createServer((raw) => {
      this.onConnection(raw)
      raw.on('error', () => {})
      const socket = tls ? new TLSSocket(raw, { isServer: true, ...tls }) : raw
      this.#all.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#all.delete(socket))
      let unread = ''
      socket.on('data', (chunk) => {
        unread += chunk.toString('latin1')
        const head = /^([A-Z]+ \S+) [\s\S]*?\r\n\r\n/.exec(unread)
        if (!head) return
        unread = ''
        this.#take(socket, raw, head[1] ?? '')
      })
    })
  }

  static async start(
    how: Cut,
    tls?: { readonly key: string; readonly cert: string },
  ): Promise<RestartingServer> {
    const server = new RestartingServer(how, tls)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      for (const socket of server.#all) socket.destroy()
      await new Promise((resolve) => server.#server.close(resolve))
    })
    return server
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** Lets so many requests wait at once, each on a connection of its own, answers them, and restarts. */
  async restartWithIdle(count: number, ask: () => Promise<{ readonly status: number }>): Promise<void> {
    this.#held = []
    const answers = Array.from({ length: count }, ask)
    await eventually(() => this.#held?.length === count, 'all connections are in use')
    const held = this.#held
    this.#held = undefined
    for (const socket of held) socket.write(OK)
    for (const { status } of await Promise.all(answers))
      if (status !== 200) throw new Error(`a connection was to be opened, but the answer is ${status}`)
    for (const socket of held) this.#old.add(socket)
  }

  #take(socket: Socket, raw: Socket, name: string): void {
    if (this.#held) this.#held.push(socket)
    else if (this.#old.has(socket)) {
      this.cut.push(name)
      const isAll = this.#how.which === 'all'
      if (isAll) for (const other of this.#old) this.#end(other, other)
      else this.#end(socket, raw)
    } else {
      this.answered.push(name)
      socket.write(name.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : OK)
    }
  }

  #end(socket: Socket, raw: Socket): void {
    this.#old.delete(socket)
    if (this.#how.after) socket.write(this.#how.after, () => socket.destroy())
    else if (this.#how.by === 'FIN') socket.destroy()
    else if (raw instanceof TLSSocket) raw.destroy()
    else raw.resetAndDestroy()
  }
}
