import { Agent } from 'node:http'
import httpProxy from 'http-proxy-3'
import { origin, serve } from './serve.mjs'

const proxy = httpProxy.createProxyServer({
  target: origin,
  xfwd: true,
  ws: true,
  agent: new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }),
})
proxy.on('error', (_error, _req, res) => res.destroy?.())
serve(
  (req, res) => proxy.web(req, res),
  (req, socket, head) => proxy.ws(req, socket, head),
)
