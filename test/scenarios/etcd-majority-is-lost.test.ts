import { createProxy, EtcdAliasProvider, type ProviderConfig } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { EtcdCluster } from '../support/etcd-cluster.js'
import { eventually, nextEvent } from '../support/next-event.js'

const fetcher = {
  fetch: async (prefix: string): Promise<ProviderConfig> => ({
    prefix,
    frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
    backends: { web: { servers: { only: { url: `http://127.0.0.1:1${prefix}` } } } },
  }),
}

function proxyOn(hosts: readonly string[]) {
  const proxy = createProxy({ providers: [new EtcdAliasProvider({ hosts, aliasKey: '/alias', fetcher })] })
  onTestFinished(() => proxy.close())
  return proxy
}

it('a member that has lost the others is noticed, though it keeps the watch open', {
  timeout: 60_000,
}, async () => {
  const cluster = await EtcdCluster.start()
  onTestFinished(() => cluster.stop())
  const [alone, ...others] = cluster.members
  await alone!.put('/alias', '/v1')
  const proxy = proxyOn([alone!.url])
  await proxy.ready()

  const troubled = nextEvent(proxy, 'providerUnavailable', () => true, 30_000)
  await Promise.all(others.map((member) => member.pause()))
  await troubled
  expect(proxy.state.providers[0]).toMatchObject({ state: 'unavailable', version: '/v1' })

  const switched = nextEvent(proxy, 'configChanged', ({ version }) => version === '/v2', 30_000)
  for (const member of others) member.resume()
  await cluster.put(others[0]!, '/alias', '/v2')
  await switched
})

it('a frozen member is left for another: twenty proxies follow a flip', {
  timeout: 90_000,
}, async () => {
  const cluster = await EtcdCluster.start()
  onTestFinished(() => cluster.stop())
  const [frozen, well] = cluster.members
  await well!.put('/alias', '/v1')
  const proxies = Array.from({ length: 20 }, () => proxyOn(cluster.urls))
  await Promise.all(proxies.map((proxy) => proxy.ready()))

  // All of them began with the first host.
  await frozen!.pause()
  await cluster.put(well!, '/alias', '/v2')
  const switched = proxies.map((proxy) =>
    eventually(() => proxy.state.providers[0]?.version === '/v2', 'the proxy follows', 30_000),
  )
  await Promise.all(switched)
})
