// Beside the routes of Fastify: what its router does not have goes to the proxy. Run: npx tsx examples/07-inside-fastify.ts
import fastify from 'fastify'
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

const app = fastify()
app.get('/health', async () => 'ok')
app.post('/own', async (request) => request.body)
// A scope without parsers: the proxy streams bodies. The routes outside of it get theirs parsed, as before.
app.register(async (scope) => {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _body, done) => done(null))
  scope.setNotFoundHandler((request, reply) => proxy.handler(request.raw, reply.hijack().raw))
})

const sockets = new WebSocketServer({ noServer: true, path: '/chat' })
sockets.on('connection', (socket) => socket.send('my own socket'))
app.server.on('upgrade', (req, socket, head) => {
  const open = () =>
    sockets.handleUpgrade(req, socket, head, (client) => sockets.emit('connection', client, req))
  proxy.upgrade(req, socket, head, open)
})

const url = await app.listen({ port: 0, host: '127.0.0.1' })
await show(url, ['/health', 'POST /own', 'POST /api/echo', '/nothing'], ['/chat', '/api/echo'])

await proxy.close()
await app.close()
upstream.close()
