import { loadPackage } from '../bench/parts/built-package.js'

/** What the parent says: where everything is. */
export interface Start {
  readonly good: string
  readonly hostile: string
  /** A folder with `rules.toml`, `rules.yaml` and `rules.json`. */
  readonly folder: string
  /** The URL of the document that is polled. */
  readonly documents: string
}

/** What this process answers. */
export type Report = { readonly port: number; readonly statusPort: number } | Counts

/** What it has told of documents, and the memory that is in use once garbage is collected, in MiB. */
export interface Counts {
  readonly rejected: number
  readonly changed: number
  readonly liveMiB: number
}

const told = { rejected: 0, changed: 0 }

async function start({ good, hostile, folder, documents }: Start): Promise<void> {
  const { createProxy, FileProvider, HttpProvider, StaticProvider } = await loadPackage()
  const servers = (url: string) => ({ servers: { only: { url } } })
  const config = {
    frontends: {
      good: { backend: 'good', rule: 'Host:good.test', priority: 1_000_000 },
      hostile: { backend: 'hostile', rule: 'Host:hostile.test', priority: 1_000_000 },
      listed: { backend: 'good', rule: 'Host:listed.test;ClientIP:127.0.0.0/8', priority: 1_000_000 },
      searched: {
        backend: 'good',
        rule: 'Host:searched.test;HeadersRegexp:Cookie,(a+)+b',
        priority: 1_000_000,
      },
    },
    backends: {
      good: { ...servers(good), loadBalancer: { stickiness: {} } },
      hostile: servers(hostile),
    },
  }
  const files = (['toml', 'yaml', 'json'] as const).map(
    (format) => new FileProvider({ name: format, filename: `${folder}/rules.${format}` }),
  )
  const proxy = createProxy({
    providers: [
      new StaticProvider({ config }),
      new HttpProvider({ url: documents, pollIntervalMs: 200 }),
      ...files,
    ],
    status: { address: '127.0.0.1:0' },
    trustedProxies: ['127.0.0.1'],
    timeouts: { connectMs: 2_000 },
  })
  proxy.on('configRejected', () => {
    told.rejected += 1
  })
  proxy.on('configChanged', () => {
    told.changed += 1
  })
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const { port: statusPort } = await proxy.statusAddress()
  process.send?.({ port, statusPort } satisfies Report)
}

function liveMiB(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

process.on('message', (order: Start | 'counts') => {
  if (order === 'counts') process.send?.({ ...told, liveMiB: liveMiB() } satisfies Report)
  else void start(order)
})
process.on('disconnect', () => process.exit())
