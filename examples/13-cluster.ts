// Workers on all cores, for which etcd and the config API are asked once: the primary alone follows the alias.
// Run: WORKERS=4 npx tsx examples/13-cluster.ts
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { ApiConfigFetcher, createProxy, EtcdAliasProvider } from 'switchover'
import { FromPrimary, handOn } from './cluster/hand-on.js'

const { ETCD_URL, ALIAS_KEY, CONFIG_API, PORT, WORKERS } = process.env

if (cluster.isPrimary) {
  const provider = new EtcdAliasProvider({
    hosts: ETCD_URL ?? 'http://127.0.0.1:2379',
    aliasKey: ALIAS_KEY ?? '/traefik/dev/alias',
    fetcher: new ApiConfigFetcher({ url: CONFIG_API ?? 'http://127.0.0.1:8081/config' }),
  })
  await handOn(provider)
  for (let count = 0; count < Number(WORKERS ?? availableParallelism()); count += 1) cluster.fork()
  // One that dies is replaced, until the service ends.
  const replace = () => void cluster.fork()
  cluster.on('exit', replace)
  const end = () => {
    cluster.off('exit', replace)
    void provider.stop()
    for (const worker of Object.values(cluster.workers ?? {})) worker?.kill('SIGTERM')
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
} else {
  const proxy = createProxy({ providers: [new FromPrimary()] })
  const name = `worker ${process.pid}`
  proxy.on('configChanged', ({ version }) => console.log(`${name} serves ${version}`))
  proxy.on('configRejected', ({ version, error }) =>
    console.warn(`${name} refused ${version}: ${error.message}`),
  )
  const { url } = await proxy.listen(Number(PORT ?? 8000))
  console.log(`${name} listens on ${url}`)
  process.once('SIGTERM', () => proxy.close().then(() => process.disconnect()))
  process.once('SIGINT', () => {})
}
