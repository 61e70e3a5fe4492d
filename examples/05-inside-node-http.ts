// Inside a service that has routes and WebSockets of its own. Run: npx tsx examples/05-inside-node-http.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'switchover'
import { WebSocketServer } from 'ws'
import { show, startUpstream } from './inside/upstream.js'

const upstream = startUpstream()
const proxy = createProxy({
  config: {
    frontends: { api: { backend: 'api', rule: 'PathPrefix:/api/' } },
    backends: { api: { servers: { one: { url: upstream.url } } } },
  },
})
await proxy.ready()

const service = createServer((req, res) => {
  if (req.url === '/health') return void res.end('ok\n')
  proxy.handler(req, res, () => res.writeHead(404).end('neither mine nor the proxy has it\n'))
}).listen(0)

// The service has one listener of upgrades. With { noServer: true } ws adds none, and gets what no frontend matches.
const sockets = new WebSocketServer({ noServer: true, path: '/chat' })
sockets.on('connection', (socket) => socket.send('my own socket'))
service.on('upgrade', (req, socket, head) => {
  const open = () =>
    sockets.handleUpgrade(req, socket, head, (client) => sockets.emit('connection', client, req))
  proxy.upgrade(req, socket, head, open)
})

const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
await show(url, ['/health', '/api/users?page=2', '/nothing'], ['/chat', '/api/chat'])

await proxy.close()
service.close()
upstream.close()
