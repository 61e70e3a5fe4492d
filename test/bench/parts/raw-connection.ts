import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Byte for byte, as latin1. */
  readonly body: string
}

/** What becomes of a question: an answer, or why there is none. */
export type Told = (answer: RawAnswer | string) => void

/**
 * One connection to a proxy, without a client library in between: it repeats nothing, opens nothing anew, and takes
 * every byte that is not the answer's for an error.
 */
export class RawConnection {
  readonly #socket: Socket
  readonly #onClosed: () => void
  #told: Told | undefined
  #received = ''
  #ending = false

  /** @param onClosed the other side closed it, or the network did */
  constructor(port: number, onClosed: () => void = () => {}) {
    this.#onClosed = onClosed
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#hear(chunk.toString('latin1')))
    this.#socket.on('error', (error) => this.#tell(String(error)))
    this.#socket.on('close', () => {
      this.#tell('closed without an answer')
      if (!this.#ending) this.#onClosed()
    })
  }

  /** Asks, once the question before was answered. */
  ask(request: string, told: Told): void {
    this.#told = told
    this.#socket.write(request, 'latin1')
  }

  /** Closes it from this side. */
  end(): void {
    this.#ending = true
    this.#socket.destroy()
  }

  #tell(answer: RawAnswer | string): void {
    const told = this.#told
    this.#told = undefined
    this.#received = ''
    told?.(answer)
  }

  #hear(text: string): void {
    this.#received += text
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN)
    if (Number.isNaN(length)) return this.#tell(`an answer without a length: ${head}`)
    const missing = headEnd + 4 + length - this.#received.length
    if (missing > 0) return
    if (missing < 0 || !this.#told)
      return this.#tell(`bytes that nobody asked for: ${this.#received.slice(-100)}`)
    this.#tell({ status: Number(head.slice(9, 12)), body: this.#received.slice(headEnd + 4) })
  }
}

/** The bytes of a request. */
export function requestText(
  { host, path, payload }: { readonly host: string; readonly path: string; readonly payload: string },
  close = false,
): string {
  const line = payload === '' ? `GET ${path}` : `POST ${path}`
  const length = payload === '' ? '' : `content-length: ${payload.length}\r\n`
  return `${line} HTTP/1.1\r\nhost: ${host}\r\n${length}${close ? 'connection: close\r\n' : ''}\r\n${payload}`
}
