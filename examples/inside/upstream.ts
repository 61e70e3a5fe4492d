import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

/** A server behind the proxy: it says what it got, over HTTP and in a first message to each WebSocket. */
export function startUpstream(): { readonly url: string; readonly close: () => void } {
  const server = createServer(async (req, res) => {
    res.write(`upstream got ${req.url} `)
    for await (const chunk of req) res.write(chunk)
    res.end()
  }).listen(0)
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, req) => socket.send(`upstream got ${req.url}`))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, close: () => void server.close() }
}

/** What is posted to paths that begin with `POST `. */
const JSON_POST = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }

/** Prints what is answered to requests for paths, and the first message of WebSockets. */
export async function show(
  base: string,
  paths: readonly string[],
  socketPaths: readonly string[],
): Promise<void> {
  for (const path of paths) {
    const response = await fetch(base + path.replace('POST ', ''), path.startsWith('POST ') ? JSON_POST : {})
    console.log(path, '->', (await response.text()).trim())
  }
  for (const path of socketPaths) {
    const client = new WebSocket(base.replace('http', 'ws') + path)
    console.log('WebSocket', path, '->', String((await once(client, 'message'))[0]))
    client.close()
  }
}
