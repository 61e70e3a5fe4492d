// Workers that share a port; the primary hands them their configuration, as examples/13-cluster.ts does.
import cluster from 'node:cluster'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'

if (cluster.isPrimary) {
  const { configFor } = await import('./routes.mjs')
  const { announce } = await import('./serve.mjs')
  const workers = Array.from({ length: Number(process.env.SUBJECT_WORKERS) }, () => cluster.fork())
  const ports = workers.map(async (worker) => {
    await once(worker, 'message')
    worker.send(configFor(1))
    return (await once(worker, 'message'))[0].port
  })
  const [port] = await Promise.all(ports)
  announce(port, { pids: () => workers.map(({ process: { pid } }) => pid) })
} else {
  const { createProxy } = await import(pathToFileURL(`${process.env.SWITCHOVER_BENCH_PACKAGE}/index.js`).href)
  const primary = {
    name: 'primary',
    async start(sink) {
      process.on('message', (config) => void sink.update(config))
      process.send('ready')
    },
    async stop() {},
  }
  const proxy = createProxy({ providers: [primary] })
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  process.send({ port })
}
