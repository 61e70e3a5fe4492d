import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, type ListenAt, type ProxyOptions, type ReverseProxy, serverOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'

const LOOPBACK = { port: 0, host: '127.0.0.1' }

function proxyWith(options: Partial<ProxyOptions> = {}): ReverseProxy {
  const proxy = createProxy({ config: { frontends: {}, backends: {} }, ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return proxy
}

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringMatching(message) })

async function refusalOf(at: unknown, options: Partial<ProxyOptions> = {}): Promise<unknown> {
  return proxyWith(options)
    .listen(at as ListenAt)
    .then(
      (bound) => bound.url,
      (error: unknown) => error,
    )
}

describe('the name of an entry point', () => {
  const entryPoints = { public: { trustedProxies: [] }, inside: {} }

  it.each(['pubilc', 'Public', 'insid'])('%j that is nearly one of the option is refused', async (name) => {
    const expected = invalid(
      /^(listen|attach): entryPoint: the option entryPoints has no "\w+"; the nearest known one is "(public|inside)"; if "\w+" is meant, add it there, \{\} at least$/,
    )
    expect(await refusalOf({ ...LOOPBACK, entryPoint: name }, { entryPoints })).toEqual(expected)
    const server = createServer()
    const proxy = proxyWith({ entryPoints })
    expect(() => proxy.attach(server, { entryPoint: name })).toThrow(expected)
    expect(server.listenerCount('request')).toBe(0)
  })

  it.each(['public', 'inside', 'somewhere else'])('%j is taken', async (entryPoint) => {
    expect(await refusalOf({ ...LOOPBACK, entryPoint }, { entryPoints })).toMatch(/^http:/)
  })

  it('is taken, whatever it is, where the option is not given', async () => {
    expect(await refusalOf({ ...LOOPBACK, entryPoint: 'pubilc' })).toMatch(/^http:/)
  })

  it.each(['', 5, null, ['public']])('%j is none', async (entryPoint) => {
    const expected = invalid(/entryPoint: expected the name of an entry point, found /)
    expect(await refusalOf({ ...LOOPBACK, entryPoint })).toEqual(expected)
    expect(() => proxyWith().attach(createServer(), { entryPoint: entryPoint as string })).toThrow(expected)
  })
})

describe('the path of a Unix socket', () => {
  const longest = process.platform === 'linux' ? 107 : 103
  const folderFor = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'listen-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    return folder
  }

  it('is taken at the limit of the system, and refused beyond it, where Node would cut it', async () => {
    const folder = await folderFor()
    const path = join(folder, 'x'.repeat(longest - folder.length - 1))
    const bound = proxyWith()
    await bound.listen({ path })
    expect(existsSync(path)).toBe(true)
    await bound.close()
    expect(await refusalOf({ path: `${path}y` })).toEqual(
      invalid(/^listen: path: expected at most 10[37] bytes.*; found 10[48]$/),
    )
    // Bytes, not characters.
    expect(await refusalOf({ path: `${path.slice(0, -1)}é` })).toEqual(invalid(/found 10[48]$/))
    expect(readdirSync(folder)).toEqual([])
  })

  it('holds no zero byte, at which Node would cut it', async () => {
    const folder = await folderFor()
    expect(await refusalOf({ path: join(folder, 'a\0b') })).toEqual(invalid(/no zero byte/))
    expect(readdirSync(folder)).toEqual([])
  })

  it('does not stand beside a port or a host', async () => {
    const path = join(await folderFor(), 'a')
    for (const beside of [{ host: '127.0.0.1' }, { port: 0 }, LOOPBACK])
      expect(await refusalOf({ path, ...beside })).toEqual(invalid(/not both/))
  })
})

describe('serverOptions', () => {
  it.each<[unknown, RegExp]>([
    [{ limit: {} }, /no option limit; the nearest known one is "limits"/],
    [{ limits: { headBytes: 0 } }, /limits\.headBytes: expected a number above 0, found 0/],
    [{ limits: { headByte: 1 } }, /limits\.headByte; the nearest known one is "headBytes"/],
    [{ timeouts: { requestHeadMs: '5' } }, /timeouts\.requestHeadMs: .* found string "5"/],
    [null, /expected an object of options, found null/],
  ])('refuses %j, as createProxy does', (given, message) => {
    expect(() => serverOptions(given as never)).toThrow(invalid(message))
  })

  it('takes all options of createProxy', () => {
    const options = { config: { frontends: {}, backends: {} }, limits: { headBytes: 1_000 } }
    expect(serverOptions(options).maxHeaderSize).toBe(1_000)
  })
})
