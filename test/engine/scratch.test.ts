import { it } from 'vitest'
import { createProxy } from 'switchover'
import { createServer } from 'node:http'
import { httpGet } from '../support/http-get.js'
import { routeTo, startNamed, startEngine, startMisbehaving, startServer, openRaw } from './live-engine.js'
it('race', async () => {
  const proxy = createProxy({ config: routeTo('http://127.0.0.1:1') })
  const p = proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.close()
  const a = await p.catch((e) => e)
  console.log('listen after close', a, await httpGet({ port: a.port }).then((x) => x.status, String))
  const server = createServer()
  proxy.attach(server)
  console.log('attach after close', server.listenerCount('request'))
  try { (createProxy as any)() } catch (e) { console.log('undefined', String(e), (e as any).code) }
  try { createProxy({ providers: 'x' as any }) } catch (e) { console.log('providers x', String(e), (e as any).code) }
  try { createProxy({ config: routeTo('http://127.0.0.1:1'), retry: null as any }) } catch (e) { console.log('retry null', String(e), (e as any).code) }
  console.log(proxy.listeners('configChanged'))
})
it('stale keepalive', async () => {
  let n = 0
  const server = await startMisbehaving((socket) => { n++; if (n % 2 === 0) socket.destroy(); else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n') })
  const { port } = await startEngine(routeTo(server.url))
  console.log((await httpGet({ port })).status, (await httpGet({ port })).status)
})
it('options star', async () => {
  const { port } = await startEngine(routeTo(await startNamed('x')))
  const c = await openRaw(port); c.sendHead('OPTIONS * HTTP/1.1', 'Host: a', 'Connection: close'); console.log((await c.untilClosed()).split('\r\n')[0])
})
it('removed header + set-cookie', async () => {
  const server = await startServer((_q, res) => { res.setHeader('Set-Cookie', ['a=1', 'b=2']); res.end() })
  const { engine } = await startEngine(routeTo(server))
  const front = await startServer((q, res) => { res.setHeader('x', '1'); res.removeHeader('x'); engine.handler(q, res) })
  console.log((await httpGet({ port: front.port })).headers)
})
it('rst on early 404', async () => {
  const { port } = await startEngine({ frontends: {}, backends: {} })
  let lost = 0
  for (let i = 0; i < 50; i++) {
    const c = await openRaw(port)
    c.sendHead('POST / HTTP/1.1', 'Host: a', 'Content-Length: 3000000')
    c.send(Buffer.alloc(3000000))
    await c.untilClosed()
    if (!c.received.includes('404')) lost++
  }
  console.log('lost', lost)
})
