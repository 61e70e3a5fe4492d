import { ApiConfigFetcher, createProxy, EtcdAliasProvider } from 'switchover'
import { afterAll, expect, it } from 'vitest'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { EtcdServer } from '../support/etcd-server.js'
import { eventually, nextEvent } from '../support/next-event.js'
import { StrictLoad } from '../support/strict-load.js'
import { HOST, VersionedServers, versionOf } from '../support/versioned-servers.js'

const FLIPS = 200

const closers: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

it(`flips ${FLIPS} times in a row under load: no request fails, none is answered by two versions`, {
  timeout: 120_000,
}, async () => {
  const etcd = await EtcdServer.start()
  closers.push(() => etcd.stop())
  const api = await new ConfigApi().start()
  closers.push(() => api.close())
  const servers = new VersionedServers()
  closers.push(() => servers.close())

  const write = async (version: number): Promise<string> => {
    const prefix = `/traefik/dev/v${version}`
    const { frontends, backends } = await servers.document(version)
    for (const [name, backend] of Object.entries(backends)) api.putBackend(prefix, name, backend)
    for (const [name, frontend] of Object.entries(frontends)) api.putFrontend(prefix, name, frontend)
    return prefix
  }

  const aliasKey = '/traefik/dev/alias'
  await etcd.put(aliasKey, await write(0))
  const fetcher = new ApiConfigFetcher({ url: api.url })
  const proxy = createProxy({ providers: [new EtcdAliasProvider({ hosts: etcd.url, aliasKey, fetcher })] })
  closers.push(() => proxy.close())
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()

  const newest: number[] = []
  const load = new StrictLoad((answer, connection) => {
    const version = versionOf(answer)
    if (typeof version === 'string') return version
    const before = newest[connection] ?? 0
    newest[connection] = version
    // One request after another on one connection can only ever see newer versions.
    return version < before ? `went back from version ${before} to ${version}` : undefined
  }).start(16, () => ({ port, host: HOST, path: '/x' }))

  for (let version = 1; version <= FLIPS; version++) {
    const prefix = await write(version)
    api.delete(`/traefik/dev/v${version - 1}`)
    const answered = load.answered
    const switched = nextEvent(proxy, 'configChanged', (event) => event.version === prefix)
    await etcd.put(aliasKey, prefix)
    await switched
    await eventually(() => load.answered > answered, 'the load goes on')
  }
  await eventually(
    () => newest.every((version) => version === FLIPS),
    'every connection sees the last version',
  )
  await load.stop()

  console.log(`${load.answered} requests over ${FLIPS} flips, ${load.failures.length} failed or mixed`)
  expect(load.failures).toEqual([])
  expect(load.answered).toBeGreaterThan(FLIPS)
  expect(proxy.state.generation).toBe(FLIPS + 1)
})
