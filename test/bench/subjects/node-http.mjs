// The limit of node:http: answers by itself.
import { serve } from './serve.mjs'

const body = 'hello world'
serve((req, res) => {
  req.resume()
  res.writeHead(200, ['Content-Type', 'text/plain', 'Content-Length', String(body.length)])
  res.end(body)
})
