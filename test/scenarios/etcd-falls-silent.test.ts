import { ApiConfigFetcher, createProxy, EtcdAliasProvider } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { EtcdServer } from '../support/etcd-server.js'
import { nextEvent } from '../support/next-event.js'
import { StrictLoad } from '../support/strict-load.js'
import { HOST, VersionedServers, versionOf } from '../support/versioned-servers.js'

it('a stopped etcd is noticed, told once, and left behind by itself', {
  timeout: 60_000,
}, async () => {
  const etcd = await EtcdServer.start()
  onTestFinished(() => etcd.stop())
  const api = await new ConfigApi().start()
  onTestFinished(() => api.close())
  const servers = new VersionedServers()
  onTestFinished(() => servers.close())
  for (const version of [1, 2]) {
    const { frontends, backends } = await servers.document(version)
    for (const [name, backend] of Object.entries(backends)) api.putBackend(`/v${version}`, name, backend)
    for (const [name, frontend] of Object.entries(frontends)) api.putFrontend(`/v${version}`, name, frontend)
  }
  await etcd.put('/alias', '/v1')
  const fetcher = new ApiConfigFetcher({ url: api.url })
  const proxy = createProxy({
    providers: [new EtcdAliasProvider({ hosts: etcd.url, aliasKey: '/alias', fetcher })],
  })
  onTestFinished(() => proxy.close())
  const troubles: string[] = []
  proxy.on('providerUnavailable', ({ error }) => troubles.push(error.message))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const load = new StrictLoad((answer) => {
    const version = versionOf(answer)
    return typeof version === 'string' ? version : undefined
  }).start(2, () => ({ port, host: HOST }))

  // Connections stay open and nothing answers: the fault that TCP does not tell.
  const troubled = nextEvent(proxy, 'providerUnavailable', () => true, 30_000)
  await etcd.pause()
  await troubled
  expect(proxy.state.providers[0]).toMatchObject({ state: 'unavailable', version: '/v1' })

  etcd.resume()
  const switched = nextEvent(proxy, 'configChanged', ({ version }) => version === '/v2', 30_000)
  const recovered = nextEvent(proxy, 'providerRecovered')
  await etcd.put('/alias', '/v2')
  await switched
  expect((await recovered).downMs).toBeGreaterThan(0)
  await load.stop()
  expect(troubles).toHaveLength(1)
  expect(load.failures).toEqual([])
})
