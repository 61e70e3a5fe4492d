import { Agent, get } from 'node:http'
import { WebSocket } from 'ws'

/** How streams and WebSockets stand that should outlive every switch. */
export interface LongLivedState {
  readonly open: number
  readonly closed: number
  /** Lines and echoes that came, in order and whole. */
  readonly received: number
  readonly wrong: number
}

/** Streams without an end, and WebSockets that talk ten times a second. */
export class LongLived {
  #open = 0
  #closed = 0
  #received = 0
  #wrong = 0
  #ending = false
  readonly #enders: (() => void)[] = []
  readonly #agent = new Agent()

  /** Resolves when all are open. */
  async open(at: { port: number; host: string; streams: number; webSockets: number }): Promise<void> {
    const opening = [
      ...Array.from({ length: at.streams }, () => this.#stream(at.port, at.host)),
      ...Array.from({ length: at.webSockets }, () => this.#webSocket(at.port, at.host)),
    ]
    await Promise.all(opening)
  }

  get state(): LongLivedState {
    return { open: this.#open, closed: this.#closed, received: this.#received, wrong: this.#wrong }
  }

  close(): void {
    this.#ending = true
    for (const end of this.#enders) end()
  }

  #stream(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const req = get(
        { port, host: '127.0.0.1', path: '/stream', headers: { host }, agent: this.#agent },
        (res) => {
          this.#opened(() => req.destroy())
          resolve()
          let next = 0
          let rest = ''
          res.on('data', (chunk: Buffer) => {
            const lines = (rest + String(chunk)).split('\n')
            rest = lines.pop() ?? ''
            for (const line of lines) this.#count(line === String(next++))
          })
          res.on('error', () => {})
          res.on('close', () => this.#wasClosed())
        },
      )
      req.on('error', reject)
    })
  }

  #webSocket(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/talk`, { headers: { host } })
      let sent = 0
      let next = 0
      let timer: NodeJS.Timeout | undefined
      socket.on('open', () => {
        this.#opened(() => socket.terminate())
        resolve()
        timer = setInterval(() => socket.send(String(sent++)), 100)
      })
      socket.on('message', (data) => this.#count(String(data) === String(next++)))
      socket.on('error', reject)
      socket.on('close', () => {
        clearInterval(timer)
        this.#wasClosed()
      })
    })
  }

  #opened(end: () => void): void {
    this.#open += 1
    this.#enders.push(end)
  }

  #wasClosed(): void {
    if (this.#ending) return
    this.#open -= 1
    this.#closed += 1
  }

  #count(right: boolean): void {
    if (right) this.#received += 1
    else this.#wrong += 1
  }
}
