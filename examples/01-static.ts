// A proxy with its routes in the program. Run: npx tsx examples/01-static.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'switchover'

const server = createServer((_req, res) => res.end('hello from the server\n')).listen(0)
const { port } = server.address() as AddressInfo

const proxy = createProxy({
  config: {
    frontends: { hello: { backend: 'hello', rule: 'Host:hello.test;PathPrefix:/' } },
    backends: { hello: { servers: { one: { url: `http://127.0.0.1:${port}` } } } },
  },
})

const { url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
await proxy.ready()
console.log(proxy.explain({ host: 'hello.test', path: '/', clientAddress: '127.0.0.1' }).text)
console.log(`try: curl -H 'Host: hello.test' ${url}/   (Ctrl-C ends it)`)

process.once('SIGINT', async () => {
  await proxy.close()
  server.close()
})
