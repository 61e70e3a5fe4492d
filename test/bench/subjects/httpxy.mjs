import { Agent } from 'node:http'
import { createProxyServer } from 'httpxy'
import { origin, serve } from './serve.mjs'

const proxy = createProxyServer({
  target: origin,
  xfwd: true,
  ws: true,
  agent: new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }),
})
proxy.on('error', (_error, _req, res) => res.destroy?.())
serve(
  (req, res) => void proxy.web(req, res).catch(() => res.destroy()),
  (req, socket, head) => void proxy.ws(req, socket, {}, head).catch(() => socket.destroy()),
)
