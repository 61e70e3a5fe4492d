import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Listener } from '../../src/entry-points/listener.js'
import { httpGet } from '../support/http-get.js'
import { openRaw } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

function makeListener(
  handler: ConstructorParameters<typeof Listener>[0]['handler'] = (_req, res) => void res.end('ok'),
) {
  const listener = new Listener({ handler, upgrade: (_req, socket) => socket.end('upgraded') }, {})
  onTestFinished(async () => {
    listener.cut()
    await listener.close()
  })
  return listener
}

describe('a listener', () => {
  it('says where it is bound, and hands over requests and upgrades', async () => {
    const listener = makeListener()
    const address = await listener.listen({ port: 0, host: '127.0.0.1' })
    expect(address).toEqual({
      host: '127.0.0.1',
      port: expect.any(Number),
      url: `http://127.0.0.1:${address.port}`,
    })
    expect(await (await fetch(address.url)).text()).toBe('ok')
    const client = await openRaw(address.port)
    client.sendHead('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: x')
    expect(await client.untilClosed()).toBe('upgraded')
  })

  it('that is closed while it is being bound stays closed, and says so', async () => {
    const listener = makeListener()
    const listening = listener.listen({ port: 0, host: '127.0.0.1' })
    await listener.close()
    await expect(listening).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })

  it('listens on a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'listener-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'http.sock')
    const address = await makeListener().listen({ path })
    expect(address).toEqual({ host: '', port: 0, url: `unix:${path}` })
    const status = await new Promise((resolve, reject) => {
      const req = request({ socketPath: path, path: '/' }, (res) => {
        res.resume()
        resolve(res.statusCode)
      })
      req.on('error', reject).end()
    })
    expect(status).toBe(200)
  })

  it('rejects with what node says where the port is taken', async () => {
    const { port } = await makeListener().listen({ port: 0, host: '127.0.0.1' })
    await expect(makeListener().listen({ port, host: '127.0.0.1' })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
  })

  it('closes idle connections at once, and lets busy ones finish', async () => {
    let finish: (() => void) | undefined
    const listener = makeListener((req, res) => {
      if (req.url === '/slow') finish = () => res.end('slow')
      else res.end('fast')
    })
    const { port } = await listener.listen({ port: 0, host: '127.0.0.1' })
    const idle = await openRaw(port)
    idle.sendHead('GET / HTTP/1.1', 'Host: a')
    await idle.until('fast')
    const busy = await openRaw(port)
    busy.sendHead('GET /slow HTTP/1.1', 'Host: a', 'Connection: close')
    await eventually(() => finish !== undefined, 'the request arrives')
    const closing = listener.close()
    await idle.untilClosed()
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(busy.closed).toBe(false)
    finish!()
    await busy.until('slow')
    await closing
  })

  it('cuts every connection when told to', async () => {
    const listener = makeListener(() => {})
    const { port } = await listener.listen({ port: 0, host: '127.0.0.1' })
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    const silent = await openRaw(port)
    const closing = listener.close()
    listener.cut()
    await client.untilClosed()
    await silent.untilClosed()
    await closing
  })

  it('answers what is no request with 400', async () => {
    const { port } = await makeListener().listen({ port: 0, host: '127.0.0.1' })
    const client = await openRaw(port)
    client.send('no HTTP at all\r\n\r\n')
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 /)
  })
})
