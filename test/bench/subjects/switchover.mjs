// The whole product: routing by host and client range, balancing, forwarding headers, events that nobody listens to.
import { pathToFileURL } from 'node:url'
import { announce, origin } from './serve.mjs'

const { createProxy } = await import(pathToFileURL(`${process.env.SWITCHOVER_BENCH_PACKAGE}/index.js`).href)

// One frontend in so many answers; the others have hosts of their own.
const frontends = Number(process.env.SUBJECT_FRONTENDS ?? 1)
const others = Array.from({ length: frontends - 1 }, (_, index) => [
  `other-${index}`,
  { backend: 'all', rule: `Host:shop-${index}.example.com;ClientIP:127.0.0.0/8` },
])
const config = {
  frontends: {
    ...Object.fromEntries(others),
    local: { backend: 'all', rule: 'Host:127.0.0.1;ClientIP:127.0.0.0/8,::1' },
  },
  backends: { all: { servers: { one: { url: origin }, two: { url: origin } } } },
}
const proxy = createProxy({ config })
await proxy.ready()
const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
announce(port)
