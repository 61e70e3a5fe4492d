// One write to an alias key in etcd switches this proxy. Run: npx tsx examples/02-etcd-alias.ts
// and then: etcdctl put /traefik/dev/alias /traefik/dev/v2
import { ApiConfigFetcher, createProxy, EtcdAliasProvider } from 'switchover'

const proxy = createProxy({
  providers: [
    new EtcdAliasProvider({
      hosts: process.env.ETCD_URL ?? 'http://127.0.0.1:2379',
      aliasKey: process.env.ALIAS_KEY ?? '/traefik/dev/alias',
      fetcher: new ApiConfigFetcher({ url: process.env.CONFIG_API ?? 'http://127.0.0.1:8081/config' }),
    }),
  ],
})

proxy.on('configChanged', ({ generation, version }) =>
  console.log(`generation ${generation} serves ${version}`),
)
proxy.on('configRejected', ({ version, error }) => console.warn(`${version} refused: ${error.message}`))
proxy.on('providerUnavailable', ({ provider, error }) => console.warn(`${provider}: ${error.message}`))

const { url } = await proxy.listen(Number(process.env.PORT ?? 8000))
console.log(`listening on ${url}`)

process.once('SIGTERM', () => proxy.close())
process.once('SIGINT', () => proxy.close())
