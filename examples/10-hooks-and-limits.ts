// Headers changed on their way, and limits on what a client may take. Run: npx tsx examples/10-hooks-and-limits.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'switchover'

const server = createServer((req, res) => {
  res.setHeader('X-Powered-By', 'luck')
  res.end(`routed by ${req.headers['x-frontend']}\n`)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

const proxy = createProxy({
  config: {
    frontends: { upload: { backend: 'one', rule: 'PathPrefix:/' } },
    backends: { one: { servers: { only: { url: `http://127.0.0.1:${port}` } } } },
  },
  limits: { bodyBytes: 1_000, connectionsPerAddress: 100 },
  timeouts: { bodyIdleMs: 10_000, requestMs: 60_000 },
  onRequest: ({ headers, frontend }) => headers.set('X-Frontend', frontend),
  onResponse: ({ headers }) => headers.delete('X-Powered-By'),
})
const { url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
await proxy.ready()

const small = await fetch(url, { method: 'POST', body: 'x'.repeat(1_000) })
console.log(small.status, (await small.text()).trim(), small.headers.get('x-powered-by'))
const large = await fetch(url, { method: 'POST', body: 'x'.repeat(1_001) })
console.log(large.status, (await large.text()).trim())
await proxy.close()
server.close()
