import { expect, it } from 'vitest'
import { openRaw, routeTo, startEngine, startMisbehaving } from '../engine/live-engine.js'

it('early hints made to be slow hold up nobody', async () => {
  const head = `HTTP/1.1 103 Early Hints\r\nLink: ${'<'.repeat(15_000)}\r\n\r\n`
  const server = await startMisbehaving((socket) => {
    socket.end(`${head.repeat(30)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`)
  })
  const { port } = await startEngine(routeTo(server.url))
  const client = await openRaw(port)
  const start = performance.now()
  client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: close')
  expect(await client.untilClosed()).toMatch(/200 OK[\s\S]*ok$/)
  expect(performance.now() - start).toBeLessThan(2_000)
})
