// A server as fast as Node can be one: it looks for the end of a head, skips the body, and writes bytes that it has ready.
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { announce } from './serve.mjs'

const answer = (body, type = 'text/plain') =>
  Buffer.concat([
    Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\nDate: ${new Date().toUTCString()}\r\n\r\n`,
    ),
    body,
  ])
const SMALL = answer(Buffer.from('hello world'))
const LARGE = answer(Buffer.alloc(1 << 20, 'x'), 'application/octet-stream')

/** One connection: heads are looked for, bodies are counted. */
class Connection {
  #socket
  #head = ''
  /** Bytes of a body that are still to come; below 0 it comes in chunks. */
  #left = 0
  #answer = SMALL
  /** A WebSocket: what comes goes back as it is. */
  #echoes = false

  constructor(socket) {
    this.#socket = socket
  }

  take(chunk) {
    let at = 0
    if (this.#echoes) {
      this.#socket.write(chunk)
      return
    }
    while (at < chunk.length) at = this.#left === 0 ? this.#takeHead(chunk, at) : this.#takeBody(chunk, at)
  }

  #takeHead(chunk, at) {
    const text = this.#head + chunk.toString('latin1', at)
    const end = text.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#head = text
      return chunk.length
    }
    const next = at + end + 4 - this.#head.length
    this.#head = ''
    this.#answer = text.startsWith('GET /large') ? LARGE : SMALL
    const head = text.slice(0, end)
    const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1]
    if (key) {
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`
      this.#socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
      this.#echoes = true
      return chunk.length
    }
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)
    this.#left = length ? Number(length[1]) : /\r\ntransfer-encoding: *chunked/i.test(head) ? -1 : 0
    if (this.#left === 0) this.#socket.write(this.#answer)
    return next
  }

  #takeBody(chunk, at) {
    const inChunks = this.#left < 0
    const taken = inChunks ? chunk.length - at : Math.min(this.#left, chunk.length - at)
    if (inChunks) this.#left = chunk.subarray(-5).toString('latin1') === '0\r\n\r\n' ? 0 : -1
    else this.#left -= taken
    if (this.#left === 0) this.#socket.write(this.#answer)
    return at + taken
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const connection = new Connection(socket)
  socket.on('error', () => {})
  socket.on('data', (chunk) => connection.take(chunk))
})
server.listen(0, '127.0.0.1', () => announce(server.address().port))
