import { Agent, createServer } from 'node:http'

/** Port of the origin, as the bench gives it to every subject. */
export const originPort = Number(process.argv[2])
export const origin = `http://127.0.0.1:${originPort}`

/** Tells the bench where the subject listens, and ends with it. */
export function announce(port) {
  process.send?.({ port })
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
