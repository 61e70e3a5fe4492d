import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ApiConfigFetcher,
  createProxy,
  EtcdAliasProvider,
  LastGoodFile,
  type ReverseProxy,
  StaticProvider,
} from 'switchover'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from '../support/etcd-server.js'
import { httpGet } from '../support/http-get.js'
import { eventually, nextEvent } from '../support/next-event.js'

describe('a start while etcd and the config API are down', () => {
  let folder: string
  let path: string
  let etcd: EtcdServer
  let api: ConfigApi
  let one: NamedServer
  let two: NamedServer

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cold-start-'))
    path = join(folder, 'last-good.json')
    etcd = await EtcdServer.start()
    api = await new ConfigApi().start()
    one = await NamedServer.start('one')
    two = await NamedServer.start('two')
    for (const [version, { url }] of Object.entries({ v1: one, v2: two })) {
      api.putBackend(`/${version}`, 'web', { servers: { only: { url } } })
      api.putFrontend(`/${version}`, 'web', { backend: 'web', rule: 'PathPrefix:/' })
    }
    await etcd.put('/alias', '/v1')
  })
  afterEach(async () => {
    await Promise.all([one.close(), two.close(), api.close(), etcd.stop()])
    await rm(folder, { recursive: true, force: true })
  })

  async function start(): Promise<{ proxy: ReverseProxy; port: number }> {
    const fetcher = new ApiConfigFetcher({ url: api.url, timeoutMs: 1_000 })
    const proxy = createProxy({
      providers: [new EtcdAliasProvider({ hosts: etcd.url, aliasKey: '/alias', fetcher })],
      lastGood: new LastGoodFile(path, { startGraceMs: 300 }),
    })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    return { proxy, port }
  }

  async function runOnce(): Promise<void> {
    const { proxy, port } = await start()
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one\n')
    expect(proxy.state.providers[0]?.staleSince).toBeUndefined()
    await proxy.close()
  }

  it('serves what was last good, says so, and goes on by itself when etcd is back', async () => {
    await runOnce()
    await etcd.kill()
    const { proxy, port } = await start()
    await proxy.ready({ timeoutMs: 30_000 })
    expect((await httpGet({ port })).body).toBe('one\n')
    const [state] = proxy.state.providers
    expect(state).toMatchObject({ state: 'unavailable', version: '/v1' })
    expect(Date.parse(String(state?.staleSince))).toBeLessThanOrEqual(Date.now())

    await etcd.restart()
    const switched = nextEvent(proxy, 'configChanged', ({ version }) => version === '/v2')
    await etcd.put('/alias', '/v2')
    await switched
    expect((await httpGet({ port })).body).toBe('two\n')
    expect(proxy.state.providers[0]?.staleSince).toBeUndefined()
    await eventually(async () => (await readFile(path, 'utf8')).includes('/v2'), 'v2 is kept')
  })

  it('is not stale any more when etcd confirms what was kept', async () => {
    await runOnce()
    await etcd.kill()
    const { proxy } = await start()
    await proxy.ready({ timeoutMs: 30_000 })
    const { generation } = proxy.state
    await etcd.restart()
    await eventually(() => proxy.state.providers[0]?.staleSince === undefined, 'it is confirmed')
    expect(proxy.state.generation).toBe(generation)
  })

  it('without a file is not ready, and answers 503', async () => {
    await etcd.kill()
    const { proxy, port } = await start()
    await expect(proxy.ready({ timeoutMs: 800 })).rejects.toMatchObject({ code: 'PROXY_NOT_READY' })
    expect((await httpGet({ port })).status).toBe(503)
  })

  it.each([
    ['damaged', '{"format":"switchover last good configuration, 1","providers":{"etcd-alias":{"sha2'],
    ['foreign', '{"compilerOptions":{}}'],
  ])('with a %s file tells so, and is ready when etcd is back', async (_what, content) => {
    await writeFile(path, content)
    await etcd.kill()
    const { proxy, port } = await start()
    const { error } = await nextEvent(proxy, 'configRejected')
    expect(error.code).toBe('PROXY_CACHE_INVALID')
    await etcd.restart()
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one\n')
  })
})

it('nothing is kept of a document that was refused, and a file that cannot be written is told of once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cold-start-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const config = { frontends: {}, backends: {} }
  const provider = new StaticProvider({ config: { frontends: 5 } as never })
  const kept: string[] = []
  const refusing = createProxy({
    providers: [provider],
    lastGood: { load: async () => new Map(), save: async (name) => void kept.push(name) },
  })
  onTestFinished(() => refusing.close())
  const refused = nextEvent(refusing, 'configRejected')
  await refusing.start()
  await refused
  expect(kept).toEqual([])
  await provider.update(config)
  expect(kept).toEqual(['static'])

  const full = new StaticProvider({ config })
  const proxy = createProxy({ providers: [full], lastGood: join(folder, 'missing', 'file') })
  onTestFinished(() => proxy.close())
  const codes: unknown[] = []
  proxy.on('providerUnavailable', ({ error }) => codes.push((error as { code?: unknown }).code))
  await proxy.ready()
  await full.update({ ...config, version: '2' })
  await full.update({ ...config, version: '3' })
  await eventually(() => codes.length > 0, 'it is told')
  await proxy.close()
  expect(codes).toEqual(['PROXY_CACHE_FAILED'])
})

it('a provider that delivers at once does not cost another its kept document', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cold-start-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'last-good.json')
  const document = (name: string) => ({
    frontends: { [name]: { backend: name, rule: `Host:${name}.test` } },
    backends: { [name]: { servers: { only: { url: 'http://127.0.0.1:1' } } } },
  })
  await new LastGoodFile(path).save('down', { document: document('down'), savedAt: new Date().toISOString() })

  const down = { name: 'down', start: async () => {}, stop: async () => {} }
  const prompt = new StaticProvider({ config: document('prompt'), name: 'prompt' })
  const lastGood = new LastGoodFile(path, { startGraceMs: 500 })
  const proxy = createProxy({ providers: [prompt, down], lastGood })
  onTestFinished(() => proxy.close())
  await proxy.ready({ timeoutMs: 30_000 })
  const kept = JSON.parse(await readFile(path, 'utf8')) as { providers: object }
  expect(Object.keys(kept.providers).sort()).toEqual(['down', 'prompt'])
})
