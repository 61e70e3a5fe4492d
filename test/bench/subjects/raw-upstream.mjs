// What a connection to the origin costs without undici: a socket, and a response found by its blank line and its length.
// For the decision record alone: it knows only small answers, and none of what goes wrong.
import { connect } from 'node:net'
import { originPort, serve } from './serve.mjs'

const idle = []

class Connection {
  #socket = connect({ port: originPort, host: '127.0.0.1', noDelay: true })
  #res
  #text = ''

  constructor() {
    this.#socket.on('data', (chunk) => this.#take(chunk))
  }

  send(req, res) {
    this.#res = res
    this.#socket.write(`${req.method} ${req.url} HTTP/1.1\r\nhost: ${req.headers.host}\r\n\r\n`, 'latin1')
  }

  #take(chunk) {
    this.#text += chunk.toString('latin1')
    const end = this.#text.indexOf('\r\n\r\n')
    if (end < 0) return
    const [, ...lines] = this.#text.slice(0, end).split('\r\n')
    const headers = []
    let length = 0
    for (const line of lines) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon)
      const value = line.slice(colon + 1).trim()
      const lower = name.toLowerCase()
      if (lower === 'content-length') length = Number(value)
      if (lower !== 'connection' && lower !== 'keep-alive') headers.push(name, value)
    }
    const body = this.#text.slice(end + 4)
    if (body.length < length) return
    this.#text = ''
    const res = this.#res
    idle.push(this)
    res.writeHead(200, 'OK', headers)
    res.write(body, 'latin1')
    res.socket?.uncork()
    res.end()
  }
}

serve((req, res) => (idle.pop() ?? new Connection()).send(req, res))
