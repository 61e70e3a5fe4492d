import { Agent, createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'switchover'
import { percentile } from './parts/percentiles.js'

/** Ten real servers of 10 ms each, of which one takes ten times as long, behind a real proxy: what p99 becomes of it. */
const SERVERS = 10
const SERVICE_MS = 10
const CLIENTS = 40
const SECONDS = 6

async function startServer(ms: number): Promise<Server> {
  const server = createServer(
    { keepAliveTimeout: 60_000 },
    (_req, res) => void setTimeout(() => res.end('x'), ms),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function p99(method: string, slow: number): Promise<{ ms: number; share: number; failed: number }> {
  const counts = new Map<string, number>()
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, (_, index) => startServer(index < slow ? SERVICE_MS * 10 : SERVICE_MS)),
  )
  const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const proxy = createProxy({
    config: {
      frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
      backends: {
        web: {
          servers: Object.fromEntries(urls.map((url, index) => [`s${index}`, { url }])),
          loadBalancer: { method },
        },
      },
    },
  })
  proxy.on('requestFinished', ({ server = '' }) => counts.set(server, (counts.get(server) ?? 0) + 1))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const latencies: number[] = []
  let failed = 0
  const begin = performance.now()
  const ask = (agent: Agent) =>
    new Promise<number | undefined>((resolve) => {
      get({ port, host: '127.0.0.1', agent }, (res) => {
        res.resume()
        res.on('end', () => resolve(res.statusCode))
      }).on('error', () => resolve(undefined))
    })
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (performance.now() - begin < SECONDS * 1_000) {
      const start = performance.now()
      if ((await ask(agent)) !== 200) failed += 1
      // The first second is the beginning.
      if (start - begin > 1_000) latencies.push(performance.now() - start)
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  await proxy.close({ drainMs: 0 })
  for (const server of servers) server.closeAllConnections()
  for (const server of servers) server.close()
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return { ms: percentile(latencies, 0.99), share: (counts.get('s0') ?? 0) / total, failed }
}

console.log(`${SERVERS} servers of ${SERVICE_MS} ms, ${CLIENTS} clients, one request at a time each`)
for (const method of ['wrr', 'p2c', 'leastConn', 'drr']) {
  const well = await p99(method, 0)
  const slow = await p99(method, 1)
  const ratio = (slow.ms / well.ms).toFixed(2)
  const shown = `p99 ${well.ms.toFixed(1)} ms with all well, ${slow.ms.toFixed(1)} ms with one 10x slower: ${ratio}x`
  console.log(
    `${method}: ${shown}; it got ${(slow.share * 100).toFixed(1)} % of them; ${well.failed + slow.failed} failed`,
  )
}
