import {
  ApiConfigFetcher,
  type ApiConfigFetcherOptions,
  type ConfigChanged,
  type ConfigRejected,
  createProxy,
  EtcdAliasProvider,
  type ProviderConfig,
  type ProviderRecovered,
  type ProviderUnavailable,
  type ReverseProxy,
} from 'switchover'
import { expect } from 'vitest'
import type { EtcdServer } from './etcd-server.js'
import { HostileApi, json } from './hostile-api.js'
import { HostileLink } from './hostile-link.js'
import { eventually } from './next-event.js'
import { StrictLoad } from './strict-load.js'
import { HOST, VersionedServers, versionOf } from './versioned-servers.js'

export interface ClusterOptions {
  readonly fetcher?: Partial<ApiConfigFetcherOptions>
  /** For an API whose urls are not the usual one. */
  readonly urlsOf?: (api: HostileApi) => ApiConfigFetcherOptions['url']
  /** Whether the alias may name nothing but the cluster's own prefixes. */
  readonly ownPrefixOnly?: boolean
}

/** A whole proxy with version 1 live, and all that a test needs to break what stands around it. */
export interface FollowedCluster {
  /** Under which everything of this cluster stands. */
  readonly root: string
  readonly api: HostileApi
  /** The network between the proxy and the API. */
  readonly link: HostileLink
  readonly proxy: ReverseProxy
  readonly load: StrictLoad
  readonly documents: Readonly<Record<1 | 2 | 3, ProviderConfig>>
  readonly changed: readonly ConfigChanged[]
  readonly rejected: readonly ConfigRejected[]
  readonly troubled: readonly ProviderUnavailable[]
  readonly recovered: readonly ProviderRecovered[]
  prefixOf(version: number): string
  /** Writes any value into the alias key. */
  writeAlias(value: string): Promise<unknown>
  deleteAlias(): Promise<unknown>
  /** How often each event was told of. */
  told(): { rejected: number; troubled: number; recovered: number }
  /** Resolves when the load has seen many answers from now on, all of them right, the last ones from that version. */
  serves(version: number): Promise<void>
}

let clusters = 0

/**
 * Runs a test on a cluster of its own: a proxy that follows a real etcd and a hostile API over a hostile link, with
 * version 1 live and a load that never pauses and forgives nothing. At the end no request may have failed.
 */
export async function withCluster(
  etcd: EtcdServer,
  options: ClusterOptions,
  test: (cluster: FollowedCluster) => Promise<void>,
): Promise<void> {
  const ends: (() => Promise<unknown>)[] = []
  try {
    const cluster = await startCluster(etcd, options, ends)
    await test(cluster)
    expect(cluster.load.failures).toEqual([])
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function startCluster(
  etcd: EtcdServer,
  { fetcher = {}, urlsOf, ownPrefixOnly = false }: ClusterOptions,
  ends: (() => Promise<unknown>)[],
): Promise<FollowedCluster> {
  clusters += 1
  const root = `/traefik/cluster-${process.pid}-${clusters}`
  const aliasKey = `${root}/alias`
  const prefixOf = (version: number) => `${root}/v${version}`
  const servers = new VersionedServers()
  ends.push(() => servers.close())
  const documents = {
    1: await servers.document(1),
    2: await servers.document(2),
    3: await servers.document(3),
  }
  const api = await HostileApi.start()
  ends.push(() => api.close())
  const link = await HostileLink.to(() => api.port)
  ends.push(() => link.cut())
  api.on(prefixOf(1), json({ prefix: prefixOf(1), ...documents[1] }))
  await etcd.put(aliasKey, prefixOf(1))

  const url = urlsOf?.(api) ?? `${link.url}/config`
  const proxy = createProxy({
    providers: [
      new EtcdAliasProvider({
        hosts: etcd.url,
        aliasKey,
        fetcher: new ApiConfigFetcher({ url, ...fetcher }),
        ...(ownPrefixOnly && { allowedPrefix: root }),
      }),
    ],
  })
  ends.push(() => proxy.close({ drainMs: 0 }))
  const told = listenTo(proxy)
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()

  let served = 0
  const load = new StrictLoad((answer) => {
    const version = versionOf(answer)
    if (typeof version === 'string') return version
    const before = served
    served = version
    return version < before ? `went back from version ${before} to ${version}` : undefined
  }).start(1, () => ({ port, host: HOST, path: '/x' }))
  ends.push(() => load.stop())

  return {
    root,
    api,
    link,
    proxy,
    load,
    documents,
    ...told,
    prefixOf,
    writeAlias: (value) => etcd.put(aliasKey, value),
    deleteAlias: () => etcd.delete(aliasKey),
    told: () => ({
      rejected: told.rejected.length,
      troubled: told.troubled.length,
      recovered: told.recovered.length,
    }),
    async serves(version) {
      const { answered } = load
      const seen = () => load.answered > answered + 20 && served === version
      await eventually(seen, `version ${version} is served`)
      expect(load.failures).toEqual([])
    },
  }
}

function listenTo(proxy: ReverseProxy) {
  const changed: ConfigChanged[] = []
  const rejected: ConfigRejected[] = []
  const troubled: ProviderUnavailable[] = []
  const recovered: ProviderRecovered[] = []
  proxy.on('configChanged', (event) => changed.push(event))
  proxy.on('configRejected', (event) => rejected.push(event))
  proxy.on('providerUnavailable', (event) => troubled.push(event))
  proxy.on('providerRecovered', (event) => recovered.push(event))
  return { changed, rejected, troubled, recovered }
}
