import { execFile } from 'node:child_process'
import { createServer as createPlain, type ServerOptions } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createProxy, serverOptions } from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { isLenient } from '../../src/engine/client/http1/lenient-parser.js'
import { Authority } from '../support/etcd-tls.js'
import { listening } from '../support/listening.js'
import { openRaw, routeTo, startServer } from '../support/live-engine.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const BOTH = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
const NUL = 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'

async function startProxy() {
  const seen: string[] = []
  const server = await startServer((req, res) => {
    seen.push(req.method ?? '')
    res.end('ok')
  })
  const proxy = createProxy({ config: routeTo(server) })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: string[] = []
  proxy.on('requestFailed', ({ error }) => failed.push(`${error.code} ${error.message}`))
  await proxy.ready()
  return { proxy, seen, failed }
}

describe('on a server of the host with insecureHTTPParser', () => {
  it.each([
    ['both lengths', BOTH, 'PROXY_BAD_REQUEST the request has both Transfer-Encoding and Content-Length'],
    ['NUL in a value', NUL, 'PROXY_BAD_REQUEST the header "X-A" holds a control character'],
  ])(
    '%s: the check refuses it, whatever the parser let through, over TLS too',
    async (_what, bytes, told) => {
      const { proxy, seen, failed } = await startProxy()
      const authority = await Authority.create('known')
      const identity = await authority.sign()
      const plain = createPlain({ insecureHTTPParser: true })
      const secure = createSecure({ ...identity, insecureHTTPParser: true })
      for (const server of [plain, secure]) proxy.attach(server)
      const client = await openRaw(await listening(plain))
      expect(await client.send(bytes).untilClosed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*PROXY_BAD_REQUEST/)

      const socket = connect({ port: await listening(secure), host: '127.0.0.1', ca: authority.cert })
      onTestFinished(() => void socket.destroy())
      let received = ''
      socket.on('data', (chunk) => {
        received += chunk
      })
      socket.write(bytes, 'latin1')
      await new Promise((resolve) => socket.on('close', resolve))
      expect(received).toMatch(/^HTTP\/1\.1 400 [\s\S]*PROXY_BAD_REQUEST/)
      expect(failed).toEqual([told, told])
      expect(seen).toEqual([])
    },
  )

  it('a warning of the process says so, once', async () => {
    vi.resetModules()
    const { warnIfLenient } = await import('../../src/engine/client/http1/lenient-parser.js')
    const told: string[] = []
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void told.push(String(text)))
    onTestFinished(() => warned.mockRestore())
    warnIfLenient(createPlain())
    expect(told).toEqual([])
    for (let time = 0; time < 2; time += 1) warnIfLenient(createPlain({ insecureHTTPParser: true }))
    expect(told).toEqual([expect.stringContaining('insecureHTTPParser')])
  })
})

describe('a lenient parser', () => {
  it.each<[ServerOptions & { httpValidation?: string }, boolean]>([
    [{}, false],
    [{ insecureHTTPParser: false }, false],
    [{ insecureHTTPParser: true }, true],
    [{ httpValidation: 'strict' }, false],
    [{ httpValidation: 'relaxed' }, true],
    [{ httpValidation: 'insecure' }, true],
  ])('is known by the server it belongs to: %j', (options, lenient) => {
    // Nodes before 24.19 know one of the two options only.
    expect(isLenient(Object.assign(createPlain(), options))).toBe(lenient)
    expect(isLenient(undefined)).toBe(false)
  })

  it('is none of a server that is made with serverOptions', () => {
    expect(serverOptions().insecureHTTPParser).toBe(false)
  })

  it('is none of our own listener, though Node was started with one, and is known where it is another server’s', async () => {
    const script = `
      import { createServer } from 'node:http'
      import { connect } from 'node:net'
      import { createProxy } from './src/index.ts'
      const say = (port) => new Promise((resolve) => {
        let text = ''
        const socket = connect(port, '127.0.0.1', () => socket.write(${JSON.stringify(NUL)}))
        socket.on('data', (chunk) => { text += chunk }).on('close', () => resolve(text.split(' ')[1] + ' ' + text.includes('PROXY_BAD_REQUEST')))
      })
      const proxy = createProxy({ config: { frontends: {}, backends: {} } })
      const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
      await proxy.ready()
      const own = createServer(proxy.handler).listen(0, '127.0.0.1')
      await new Promise((resolve) => own.on('listening', resolve))
      console.log(await say(port), await say(own.address().port))
      process.exit()
    `
    const args = ['--insecure-http-parser', '--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
      cwd: root,
      timeout: 60_000,
    })
    // Node's parser answers the first, which says no code; ours the second.
    expect(stdout.trim()).toBe('400 false 400 true')
    expect(stderr).toContain('insecureHTTPParser')
  })
})
