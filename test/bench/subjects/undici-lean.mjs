// How far the bare undici loop can go: a stack of Clients, older handlers, no timers of undici's, one write for an answer.
// For the decision record alone: it knows only small answers of one piece.
import { createRequire } from 'node:module'
import { origin, serve } from './serve.mjs'

const { Client } = createRequire(new URL('../../../package.json', import.meta.url))('undici')
const idle = []

function take() {
  const free = idle.pop()
  if (free) return free
  const client = new Client(origin, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  client.on('drain', () => idle.push(client))
  return client
}

class Handler {
  constructor(res) {
    this.res = res
  }
  onConnect() {}
  onHeaders(status, raw, _resume, reason) {
    const headers = []
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index].toString('latin1')
      if (name.toLowerCase() === 'connection' || name.toLowerCase() === 'keep-alive') continue
      headers.push(name, raw[index + 1].toString('latin1'))
    }
    this.res.writeHead(status, reason, headers)
    return true
  }
  onData(chunk) {
    this.res.write(chunk.toString('latin1'), 'latin1')
    this.res.socket?.uncork()
    return true
  }
  onComplete() {
    this.res.end()
  }
  onError(error) {
    this.res.destroy(error)
  }
}

serve((req, res) => {
  const headers = ['host', req.headers.host]
  take().dispatch(
    { method: req.method, path: req.url, headers, body: null, blocking: false },
    new Handler(res),
  )
})
