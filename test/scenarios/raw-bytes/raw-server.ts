import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { eventually } from '../../support/next-event.js'
import type { Answer } from './case.js'

/** Marks the requests by which a case looks whether all still works; they are no part of what it compares. */
export const PROBE = '/-probe'

const PROBED = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nprobed'

/** A server that speaks bytes, and knows no more of HTTP than where a request ends. */
export class RawServer {
  /** Every byte that came before a probe, by connection. */
  readonly received: string[] = []
  readonly sockets = new Set<Socket>()
  readonly #server: Server
  readonly #answers: readonly Answer[]
  #answered = 0

  constructor(answers: readonly Answer[]) {
    this.#answers = answers
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket))
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    const index = this.received.push('') - 1
    this.sockets.add(socket)
    let unread = ''
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1')
      if (unread.startsWith(`GET ${PROBE}`)) {
        if (!unread.endsWith('\r\n\r\n')) return
        unread = ''
        socket.write(PROBED)
        return
      }
      this.received[index] += chunk.toString('latin1')
      unread = this.#answerWhole(socket, unread)
    })
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('close', () => this.sockets.delete(socket))
  }

  /** @returns what belongs to no whole request yet */
  #answerWhole(socket: Socket, unread: string): string {
    const answer = this.#answers[Math.min(this.#answered, this.#answers.length - 1)] as Answer
    const length = answer.early ? lengthOfHead(unread) : lengthOfRequest(unread)
    if (length === undefined) return unread
    this.#answered += 1
    void this.#say(socket, answer)
    return unread.slice(length)
  }

  async #say(socket: Socket, { bytes, ending, once }: Answer): Promise<void> {
    if (once !== undefined)
      await eventually(() => this.received.join('').includes(once), `the server gets ${once}`).catch(() => {})
    socket.write(bytes, 'latin1')
    if (ending === 'end') socket.end()
    if (ending === 'reset') socket.resetAndDestroy()
  }
}

function lengthOfHead(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  return end < 0 ? undefined : end + 4
}

function lengthOfRequest(text: string): number | undefined {
  const start = lengthOfHead(text)
  if (start === undefined) return undefined
  const headers = text.slice(0, start)
  const length = Number(/^content-length: (\d+)\r$/im.exec(headers)?.[1] ?? 0)
  if (!/^transfer-encoding: chunked\r$/im.test(headers)) {
    return text.length >= start + length ? start + length : undefined
  }
  const last = /(?:^|\r\n)0\r\n\r\n/.exec(text.slice(start))
  return last ? start + last.index + last[0].length : undefined
}
