import { execFile } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createProxy, type Limits, type ProxyOptions, serverOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRaw, routeTo, startMisbehaving } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const GET = ['GET / HTTP/1.1', 'Host: a', 'Connection: close']
const UPGRADE = ['GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket']
const OPTION = /limits\.responseHeadBytes/

/** A field whose name and value have so many bytes. */
const field = (bytes: number) => `X-Big: ${'b'.repeat(bytes - 5)}\r\n`
const ok = (fields: string) => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`

async function start(answer: string, limits: Partial<Limits> = {}, more: Partial<ProxyOptions> = {}) {
  const server = await startMisbehaving((socket: Socket) => void socket.write(answer))
  const proxy = createProxy({ config: routeTo(server.url), limits, ...more })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: string[] = []
  proxy.on('requestFailed', ({ error }) => failed.push(`${error.code} ${error.message}`))
  await proxy.ready()
  return { proxy, failed, server, ...(await proxy.listen({ port: 0, host: '127.0.0.1' })) }
}

describe('a head of a server’s response that is larger than limits.responseHeadBytes', () => {
  it.each<[string, string, string[]]>([
    ['a response', ok(field(17_000)), GET],
    ['many fields of a response', ok(field(1_000).repeat(17)), GET],
    ['a response to HEAD', ok(field(17_000)), ['HEAD / HTTP/1.1', 'Host: a', 'Connection: close']],
    ['a response before the one', `HTTP/1.1 103 Early Hints\r\n${field(17_000)}\r\n${ok('')}`, GET],
    [
      'a 101',
      `HTTP/1.1 101 Switching Protocols\r\n${field(17_000)}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      UPGRADE,
    ],
    ['another response to an upgrade', ok(field(17_000)), UPGRADE],
  ])('is 502, and what is told names the option: %s', async (_what, answer, request) => {
    const { port, failed } = await start(answer)
    const client = await openRaw(port)
    client.sendHead(...request)
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 502 /)
    expect(failed).toEqual([expect.stringMatching(/^PROXY_BAD_RESPONSE .*limits\.responseHeadBytes/)])
  })

  it('as the trailers of one cut its response, and are told so too', async () => {
    const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n'
    const { port, failed } = await start(`${chunks}${field(17_000)}\r\n`)
    const client = await openRaw(port)
    client.sendHead(...GET)
    expect(await client.untilClosed()).not.toContain('\r\n0\r\n')
    expect(failed).toEqual([expect.stringMatching(OPTION)])
  })

  it('is in the error log’s event of a server whose health check gets it', async () => {
    const { proxy, server } = await start(ok(field(17_000)))
    const reasons: string[] = []
    proxy.on('serverDown', ({ reason }) => reasons.push(reason))
    const config = routeTo(server.url)
    const healthCheck = { path: '/', interval: '1s', timeout: '30s' }
    const checked = createProxy({
      config: { ...config, backends: { pool: { ...config.backends['pool']!, healthCheck } } },
    })
    onTestFinished(() => checked.close({ drainMs: 0 }))
    checked.on('serverDown', ({ reason }) => reasons.push(reason))
    await checked.ready()
    await eventually(() => reasons.length > 0, 'the server is out', 20_000)
    expect(reasons[0]).toMatch(OPTION)
  })
})

describe('limits.responseHeadBytes', () => {
  it.each<[string, Partial<Limits>, number, number]>([
    ['its default lets as much through', {}, 16_384 - 15, 200],
    ['its default refuses one byte more', {}, 16_384 - 14, 502],
    ['a larger one', { responseHeadBytes: 65_536 }, 65_536 - 15, 200],
    ['a larger one, and one byte more', { responseHeadBytes: 65_536 }, 65_536 - 14, 502],
    ['none', { responseHeadBytes: Number.POSITIVE_INFINITY }, 1_000_000, 200],
    ['a smaller one', { responseHeadBytes: 1_000 }, 1_000 - 14, 502],
  ])('%s', async (_what, limits, bytes, status) => {
    // `Content-Length: 2` are 15 bytes of name and value.
    const { port } = await start(ok(field(bytes)), limits)
    const client = await openRaw(port)
    client.sendHead(...GET)
    const received = await client.untilClosed()
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    if (status === 200) expect(received).toContain(field(bytes))
  })

  it('is a number above 0, and no matter of clients', () => {
    const config = routeTo('http://127.0.0.1:1')
    const make = (responseHeadBytes: number) => createProxy({ config, limits: { responseHeadBytes } })
    for (const bad of [0, -1, Number.NaN]) expect(() => make(bad)).toThrow(/limits\.responseHeadBytes/)
    expect(serverOptions({ limits: { responseHeadBytes: 1 } }).maxHeaderSize).toBe(16_384)
  })

  it('is by default what Node was started with', async () => {
    const script = `
      import { DEFAULT_LIMITS } from './src/model/limits.ts'
      console.log(DEFAULT_LIMITS.responseHeadBytes)
    `
    const args = ['--max-http-header-size=40000', '--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 60_000 })
    expect(stdout.trim()).toBe('40000')
  })
})
