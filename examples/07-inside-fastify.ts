// Beside the routes of Fastify: what its router does not have goes to the proxy. Run: npx tsx examples/07-inside-fastify.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { createProxy } from 'switchover'

const upstream = createServer((req, res) => void req.pipe(res)).listen(0)
const proxy = createProxy({
  config: {
    frontends: { echo: { backend: 'echo', rule: 'Path:/echo;Method:POST' } },
    backends: {
      echo: { servers: { one: { url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` } } },
    },
  },
})
await proxy.ready()

const app = fastify()
app.get('/health', async () => 'ok')
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, _body, done) => done(null)) // bodies stay unread: the proxy streams them
app.setNotFoundHandler((request, reply) => {
  reply.hijack()
  proxy.handler(request.raw, reply.raw)
})
app.server.on('upgrade', proxy.upgrade)
const url = await app.listen({ port: 0, host: '127.0.0.1' })

console.log('/health ->', await (await fetch(`${url}/health`)).text())
console.log('/echo ->', await (await fetch(`${url}/echo`, { method: 'POST', body: 'hello' })).text())

await proxy.close()
await app.close()
upstream.close()
