// Inside a service that has routes of its own. Run: npx tsx examples/05-inside-node-http.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'switchover'

const upstream = createServer((req, res) => res.end(`upstream got ${req.url}\n`)).listen(0)
const proxy = createProxy({
  config: {
    frontends: { api: { backend: 'api', rule: 'PathPrefix:/api/' } },
    backends: {
      api: { servers: { one: { url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` } } },
    },
  },
})
await proxy.ready()

const service = createServer((req, res) => {
  if (req.url === '/health') return void res.end('ok\n')
  proxy.handler(req, res, () => res.writeHead(404).end('neither mine nor the proxy has it\n'))
})
service.on('upgrade', proxy.upgrade)
await new Promise<void>((resolve) => service.listen(0, resolve))

const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
for (const path of ['/health', '/api/users?page=2', '/nothing']) {
  console.log(path, '->', (await (await fetch(url + path)).text()).trim())
}

await proxy.close()
service.close()
upstream.close()
