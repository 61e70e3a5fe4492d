// The whole product: routing by host and client range, balancing, forwarding headers; nobody looks on unless asked.
import { pathToFileURL } from 'node:url'
import { configFor } from './routes.mjs'
import { announce } from './serve.mjs'

const { createProxy, StaticProvider } = await import(
  pathToFileURL(`${process.env.SWITCHOVER_BENCH_PACKAGE}/index.js`).href
)

const frontends = Number(process.env.SUBJECT_FRONTENDS ?? 1)
const provider = new StaticProvider({ config: configFor(frontends) })
const proxy = createProxy({ ...JSON.parse(process.env.SUBJECT_OPTIONS ?? '{}'), providers: [provider] })
await proxy.ready()
const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
announce(port, { generation: () => proxy.state.generation })

// A switch every so many milliseconds, each to another configuration.
const swapMs = Number(process.env.SUBJECT_SWAP_MS ?? 0)
let version = 0
if (swapMs > 0) setInterval(() => void provider.update(configFor(frontends, ++version)), swapMs)
