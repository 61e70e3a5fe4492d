import {
  createProxy,
  type ProviderConfig,
  type ProxyOptions,
  type ReverseProxy,
  StaticProvider,
} from 'switchover'
import { onTestFinished } from 'vitest'
import { type Answer, httpGet } from './http-get.js'

const LOOPBACK = { port: 0, host: '127.0.0.1' }

/** A proxy that serves and can be looked at. */
export interface SeenProxy {
  readonly proxy: ReverseProxy
  readonly provider: StaticProvider
  readonly port: number
  readonly statusPort: number
  /** Asks the status server. */
  readonly ask: (path: string, headers?: Record<string, string>, method?: string) => Promise<Answer>
  /** The same, as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: its shape is what tests are about
  readonly read: (path: string) => Promise<any>
}

export async function startSeen(
  config: ProviderConfig,
  options: Partial<ProxyOptions> = {},
): Promise<SeenProxy> {
  const provider = new StaticProvider({ config })
  const proxy = createProxy({ status: { address: '127.0.0.1:0' }, ...options, providers: [provider] })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen(LOOPBACK)
  await proxy.ready()
  const { port: statusPort } = await proxy.statusAddress()
  const ask: SeenProxy['ask'] = (path, headers = {}, method = 'GET') =>
    httpGet({ port: statusPort, path, headers, method })
  const read = async (path: string) => JSON.parse((await ask(path)).body)
  return { proxy, provider, port, statusPort, ask, read }
}
