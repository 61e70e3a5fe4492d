// As middleware of Express. Run: npx tsx examples/06-inside-express.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createProxy } from 'switchover'

const upstream = createServer((req, res) => res.end(`upstream got ${req.url}\n`)).listen(0)
const proxy = createProxy({
  config: {
    frontends: { users: { backend: 'users', rule: 'PathPrefix:/users' } },
    backends: {
      users: { servers: { one: { url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` } } },
    },
  },
})
await proxy.ready()

const app = express()
app.get('/health', (_req, res) => void res.send('ok'))
app.use('/api', proxy.handler) // mounted: the proxy sees and forwards /users, not /api/users
app.use((_req, res) => void res.status(404).send('not here'))
const service = app.listen(0)
service.on('upgrade', proxy.upgrade)

const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
for (const path of ['/health', '/api/users/7', '/api/other']) {
  console.log(path, '->', (await (await fetch(url + path)).text()).trim())
}

await proxy.close()
service.close()
upstream.close()
