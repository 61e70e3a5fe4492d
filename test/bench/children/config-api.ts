import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerCalls } from '../parts/child.js'
import { type DocumentShape, documentOf } from '../parts/marked-documents.js'

/** A config API over documents that were serialised beforehand, so that its own work is not what is measured. */
const documents = new Map<string, Buffer>()
/** How every answer is spoilt with this probability. */
let chaos = 0

const server = createServer((req, res) => {
  const prefix = new URL(req.url ?? '', 'http://config-api').searchParams.get('prefix') ?? ''
  const body = documents.get(prefix)
  if (Math.random() < chaos) return spoil(res, body)
  if (body === undefined) res.writeHead(404).end()
  else res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
})

answerCalls({
  listen: async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/config`
  },
  /** Documents of a shape, one for each of the versions, at `/bench/v0`, `/bench/v1` and so on. */
  serve: ({ versions, ...shape }: DocumentShape & { versions: number }) => {
    documents.clear()
    for (let version = 0; version < versions; version++) {
      const prefix = `/bench/v${version}`
      documents.set(prefix, Buffer.from(JSON.stringify({ prefix, ...documentOf(version, shape) })))
    }
    return documents.get('/bench/v0')?.length
  },
  /** A document that is whole, but wrong. */
  serveInvalid: (prefix: string) => {
    const frontends = { web: { backend: 'nobody', rule: 'Host:web-0.example.com' } }
    documents.set(prefix, Buffer.from(JSON.stringify({ prefix, frontends, backends: {} })))
  },
  chaos: (share: number) => {
    chaos = share
  },
})

/** An error, half a document that says it is whole, half a document that breaks off, or a long wait. */
function spoil(res: ServerResponse, body: Buffer = Buffer.from('{}')): void {
  const half = body.subarray(0, body.length / 2)
  const ways = [
    () => res.writeHead(500).end('{"error":"out of order"}'),
    () => res.writeHead(200, { 'content-type': 'application/json' }).end(half),
    () => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      res.write(half, () => res.destroy())
    },
    () => setTimeout(() => res.writeHead(200, { 'content-type': 'application/json' }).end(body), 700),
  ]
  ways[Math.floor(Math.random() * ways.length)]?.()
}
