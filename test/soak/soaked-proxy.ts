import { ApiConfigFetcher, createProxy, EtcdAliasProvider } from 'switchover'

/** What the soak tells its proxy, and asks it. */
export type Order =
  | { readonly start: { etcd: string; api: string; aliasKey: string; lastGood: string } }
  | 'memory'
  | 'stop'

/** What the proxy answers. */
export type Report =
  | { readonly port: number }
  | {
      readonly heapBytes: number
      readonly switches: number
      readonly troubles: number
      readonly refusals: number
    }

let proxy: ReturnType<typeof createProxy> | undefined
const told = { switches: 0, troubles: 0, refusals: 0 }

function report(what: Report): void {
  process.send?.(what)
}

async function start({ etcd, api, aliasKey, lastGood }: Extract<Order, object>['start']): Promise<void> {
  const fetcher = new ApiConfigFetcher({ url: `${api}/config` })
  proxy = createProxy({
    providers: [new EtcdAliasProvider({ hosts: etcd, aliasKey, fetcher })],
    lastGood,
  })
  proxy.on('configChanged', () => {
    told.switches += 1
  })
  proxy.on('providerUnavailable', () => {
    told.troubles += 1
  })
  proxy.on('configRejected', () => {
    told.refusals += 1
  })
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  report({ port })
}

process.on('message', (order: Order) => {
  if (order === 'memory') {
    globalThis.gc?.()
    report({ heapBytes: process.memoryUsage().heapUsed, ...told })
  } else if (order === 'stop') {
    void proxy?.close({ drainMs: 1_000 }).then(() => process.disconnect())
  } else void start(order.start)
})
