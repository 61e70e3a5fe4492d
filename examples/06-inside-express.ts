// As middleware of Express, beside WebSockets of its own. Run: npx tsx examples/06-inside-express.ts
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createProxy } from 'switchover'
import { WebSocketServer } from 'ws'
import { show, startUpstream } from './inside/upstream.js'

const upstream = startUpstream()
const proxy = createProxy({
  config: {
    // The rule takes /api off. A mount path, app.use('/api', ...), would do that to requests alone, not to upgrades.
    frontends: { users: { backend: 'users', rule: 'PathPrefix:/api/users;PathPrefixStrip:/api' } },
    backends: { users: { servers: { one: { url: upstream.url } } } },
  },
})
await proxy.ready()

const app = express()
app.get('/health', (_req, res) => void res.send('ok'))
app.use(proxy.handler) // before body parsers: it streams bodies
app.use(express.json())
app.post('/own', (req, res) => void res.json(req.body))
app.use((_req, res) => void res.status(404).send('not here'))
const service = app.listen(0)

const sockets = new WebSocketServer({ noServer: true, path: '/chat' })
sockets.on('connection', (socket) => socket.send('my own socket'))
service.on('upgrade', (req, socket, head) => {
  const open = () =>
    sockets.handleUpgrade(req, socket, head, (client) => sockets.emit('connection', client, req))
  proxy.upgrade(req, socket, head, open)
})

const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
await show(url, ['/health', 'POST /own', 'POST /api/users/7', '/api/other'], ['/chat', '/api/users/7'])

await proxy.close()
service.close()
upstream.close()
