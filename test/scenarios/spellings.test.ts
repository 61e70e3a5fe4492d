import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, startServer } from '../support/live-engine.js'

/** A proxy whose rules keep everybody from some places of one server, and let all else through to it. */
async function startGuarded(rule: string) {
  const seen: string[] = []
  const server = await startServer((req, res) => {
    seen.push(String(req.url))
    res.end('open')
  })
  const nobody = { sourceRange: ['192.0.2.1'] }
  const proxy = createProxy({
    config: {
      frontends: {
        guarded: { backend: 'all', rule, whiteList: nobody, priority: 100 },
        all: { backend: 'all', rule: 'PathPrefix:/' },
      },
      backends: { all: { servers: { one: { url: server.url } } } },
    },
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { port, seen }
}

describe('no other spelling gets past a rule', () => {
  it.each([
    ['PathPrefix:/caf%C3%A9', 'GET /caf%c3%a9 HTTP/1.1', 'a.test', 403],
    ['Path:/a%2Fb', 'GET /a%2fb HTTP/1.1', 'a.test', 403],
    ['PathPrefix:/admin', 'GET /x/..\\admin HTTP/1.1', 'a.test', 400],
    ['PathPrefix:/admin', 'GET /x\\..\\admin HTTP/1.1', 'a.test', 400],
    ['Host:admin.test', 'GET / HTTP/1.1', '%61dmin.test', 400],
    ['Host:admin.test', 'GET / HTTP/1.1', 'admin%2etest', 400],
    ['PathPrefix:/.', 'GET /.well-known/x HTTP/1.1', 'a.test', 403],
    ['PathPrefix:/.', 'GET /harmless HTTP/1.1', 'a.test', 200],
    ['PathPrefix:/files/.', 'GET /files/public HTTP/1.1', 'a.test', 200],
  ])('%s: %s for %s is %i', async (rule, line, host, status) => {
    const { port, seen } = await startGuarded(rule)
    const client = await openRaw(port)
    client.sendHead(line, `Host: ${host}`, 'Connection: close')
    expect(await client.untilClosed()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(seen.length).toBe(status === 200 ? 1 : 0)
  })

  it.each([
    ['/u-../secret', 'PathPrefix:/;ReplacePathRegex:^/u-(.*) /files/$1'],
    [`/slow${'/a'.repeat(4_000)}`, 'PathPrefix:/slow;ReplacePathRegex:/a(?:.*[^a/])? /b'],
  ])('a path that is rewritten to more than was meant is refused: %.20s', async (path, rule) => {
    const server = await startServer((req, res) => res.end(req.url))
    const proxy = createProxy({
      config: {
        frontends: { all: { backend: 'all', rule } },
        backends: { all: { servers: { one: { url: server.url } } } },
      },
    })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.ready()
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const client = await openRaw(port)
    client.sendHead(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 /)
  })
})
