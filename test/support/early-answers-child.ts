import { createServer, type Server } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createProxy, type ReverseProxy } from 'switchover'
import { Authority } from './etcd-tls.js'
import { refusingUrl } from './misbehaving-server.js'

/** Where the proxy of this process is reached, by the way. */
export type Ways = Record<'listen' | 'attach' | 'attach over TLS' | 'a bare handler', string>

/**
 * A proxy in a process of its own, which answers by four codes. In one process with its client it would read all of a body
 * before it gets the next turn, and nothing would be lost.
 */
async function run(): Promise<void> {
  const reads = createServer((req, res) => req.resume().on('end', () => res.end('read')))
  const early = createServer((_req, res) => res.writeHead(404).end('early'))
  const proxy = createProxy({
    onRequest: ({ frontend }) => {
      if (frontend.startsWith('hook@')) throw new Error('the hook of a test')
    },
    config: {
      frontends: {
        kept: { rule: 'Path:/403', backend: 'none', whiteList: { sourceRange: ['192.0.2.1'] } },
        small: { rule: 'Path:/413', backend: 'small' },
        empty: { rule: 'Path:/503', backend: 'none' },
        early: { rule: 'Path:/early', backend: 'early' },
        hook: { rule: 'Path:/500', backend: 'early' },
        refused: { rule: 'Path:/502', backend: 'refused' },
      },
      backends: {
        none: { servers: {} },
        refused: { servers: { s1: { url: await refusingUrl() } } },
        early: { servers: { s1: { url: await open(early) } } },
        small: { servers: { s1: { url: await open(reads) } }, buffering: { maxRequestBodyBytes: 1000 } },
      },
    },
  })
  await proxy.ready()
  process.send?.(await openAll(proxy))
  process.on('disconnect', () => process.exit())
}

async function openAll(proxy: ReverseProxy): Promise<Ways> {
  const { cert, key } = await (await Authority.create('early')).sign()
  const [plain, secure] = [createServer(), createSecure({ cert, key })]
  proxy.attach(plain)
  proxy.attach(secure)
  return {
    listen: (await proxy.listen({ port: 0, host: '127.0.0.1' })).url,
    attach: await open(plain),
    'attach over TLS': await open(secure),
    'a bare handler': await open(createServer(proxy.handler)),
  }
}

async function open(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return `${'setSecureContext' in server ? 'https' : 'http'}://127.0.0.1:${port}`
}

void run()
