// The limit of node:http and undici together: every request goes on, and nothing else is done.
import { createRequire } from 'node:module'
import { origin, serve } from './serve.mjs'

// The version that the library has, not one of a peer's.
const { Pool } = createRequire(new URL('../../../package.json', import.meta.url))('undici')
const pool = new Pool(origin, { connections: null, pipelining: 1 })

class Handler {
  constructor(res) {
    this.res = res
  }
  onRequestStart(controller) {
    this.controller = controller
  }
  onResponseStart(controller, status, _headers, statusText) {
    const raw = controller.rawHeaders
    const headers = []
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index].toString('latin1')
      if (name.toLowerCase() === 'connection' || name.toLowerCase() === 'keep-alive') continue
      headers.push(name, raw[index + 1].toString('latin1'))
    }
    this.res.writeHead(status, statusText, headers)
  }
  onResponseData(controller, chunk) {
    if (!this.res.write(chunk)) {
      controller.pause()
      this.res.once('drain', () => controller.resume())
    }
  }
  onResponseEnd() {
    this.res.end()
  }
  onResponseError(_controller, error) {
    this.res.destroy(error)
  }
}

serve((req, res) => {
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers
  const body = length === undefined && coding === undefined ? null : req
  pool.dispatch(
    { method: req.method, path: req.url, headers: ['host', req.headers.host], body },
    new Handler(res),
  )
})
