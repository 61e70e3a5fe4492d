import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { WebSocketServer } from 'ws'
import { answerCalls } from '../parts/child.js'
import { echoOf } from '../parts/marked-documents.js'

/**
 * The servers behind the proxy. Each says which one it is, what it was asked, under which host, and repeats the body.
 * `/slow/MS` takes its time, `/stream` counts for ever, and a WebSocket echoes.
 */
const servers: Server[] = []
const sockets = new WebSocketServer({ noServer: true })
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))

answerCalls({
  /** Starts some, and says their ports. */
  listen: (count: number) => Promise.all(Array.from({ length: count }, (_, index) => listen(index))),
  /** How many connections each has. */
  connections: () => Promise.all(servers.map((server) => promisify(server.getConnections.bind(server))())),
})

async function listen(index: number): Promise<number> {
  const server = createServer((req, res) => answer(index, req, res))
  servers[index] = server
  // Longer than any pool keeps a connection: an idle one must not be closed under a request.
  server.keepAliveTimeout = 600_000
  server.on('upgrade', (req, socket, head) =>
    sockets.handleUpgrade(req, socket, head, (opened) => sockets.emit('connection', opened)),
  )
  // On all addresses, for every backend has one of its own.
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', 1024, resolve))
  return (server.address() as AddressInfo).port
}

function answer(server: number, req: IncomingMessage, res: ServerResponse): void {
  const target = req.url ?? ''
  if (target.endsWith('/stream')) return count(res)
  const slow = Number(/\/slow\/(\d+)$/.exec(target)?.[1] ?? 0)
  let payload = ''
  if (req.method === 'GET') return send()
  req.on('data', (chunk: Buffer) => {
    payload += chunk.toString('latin1')
  })
  req.on('end', send)

  function send(): void {
    const body = echoOf(server, target, req.headers.host ?? '', payload)
    res.writeHead(200, { 'content-length': body.length, 'content-type': 'text/plain' })
    if (slow === 0) {
      res.end(body, 'latin1')
      return
    }
    // Half now: what is switched away from in the middle must still end.
    res.write(body.slice(0, 5), 'latin1')
    setTimeout(() => res.end(body.slice(5), 'latin1'), slow)
  }
}

function count(res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'text/plain' })
  let next = 0
  const timer = setInterval(() => res.write(`${next++}\n`), 100)
  res.on('close', () => clearInterval(timer))
}
