import { Agent, createServer } from 'node:http'

/** Port of the origin, as the bench gives it to every subject. */
export const originPort = Number(process.argv[2])
export const origin = `http://127.0.0.1:${originPort}`

/** Tells the bench where the subject listens, and answers what it asks from then on. */
export function announce(port, answers = {}) {
  process.send?.({ port })
  process.on('message', (question) => process.send?.({ memory, ...answers }[question]()))
}

/** Resident bytes, once what is garbage is gone. */
function memory() {
  globalThis.gc?.()
  return process.memoryUsage.rss()
}

process.on('disconnect', () => process.exit())

/** A subject that is handed requests by a server of node:http. */
export function serve(onRequest, onUpgrade) {
  const server = createServer({ keepAliveTimeout: 60_000 }, onRequest)
  if (onUpgrade) server.on('upgrade', onUpgrade)
  server.listen(0, '127.0.0.1', () => announce(server.address().port))
  return server
}

/** http-proxy, and those that have its interface, with connections to the origin that are kept. */
export function serveByHttpProxy(createProxyServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  const proxy = createProxyServer({ target: origin, xfwd: true, ws: true, agent })
  proxy.on('error', (_error, _req, res) => res.destroy?.())
  serve(
    (req, res) => proxy.web(req, res),
    (req, socket, head) => proxy.ws(req, socket, head),
  )
}
