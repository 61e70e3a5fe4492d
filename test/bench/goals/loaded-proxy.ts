import type { LoadOptions, LoadResult } from '../children/load.js'
import type { SwitchResult } from '../children/proxy.js'
import { Child } from '../parts/child.js'
import type { Row } from '../parts/command-line.js'
import { type DocumentShape, hostOf } from '../parts/marked-documents.js'

export interface LoadedProxyOptions extends Pick<DocumentShape, 'frontends' | 'backends'> {
  /** 2: no server of one version is in the next. */
  readonly servers: 1 | 2
  readonly load?: Partial<LoadOptions>
  readonly nodeArguments?: readonly string[]
}

/** Unlike a rate, CPU time is the same on a machine that has other things to do. */
export interface Measured extends LoadResult {
  readonly cpuMs: number
}

/** A proxy that is switched from inside, with marking servers behind it and a strict client before it. */
export class LoadedProxy {
  readonly proxy: Child
  readonly servers: Child
  readonly load: Child
  readonly #port: number

  private constructor(proxy: Child, servers: Child, load: Child, port: number) {
    this.proxy = proxy
    this.servers = servers
    this.load = load
    this.#port = port
  }

  static async start({
    frontends,
    backends,
    servers,
    load,
    nodeArguments,
  }: LoadedProxyOptions): Promise<LoadedProxy> {
    const upstreams = new Child('marking-servers')
    const ports = await upstreams.call<number[]>('listen', servers)
    const proxy = new Child('proxy', { place: 'proxy', ...(nodeArguments && { nodeArguments }) })
    const port = await proxy.call<number>('startStatic', {
      frontends,
      backends,
      ports,
    } satisfies DocumentShape)
    const client = new Child('load')
    await client.call('start', { port, connections: 32, frontends, servers, ...load } satisfies LoadOptions)
    return new LoadedProxy(proxy, upstreams, client, port)
  }

  /** What the client sees in so much time, and what that costs the proxy. */
  async measure(seconds: number): Promise<Measured> {
    await this.load.call('measure')
    const cpuBefore = await this.proxy.call<number>('cpu')
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    const load = await this.load.call<LoadResult>('measure')
    return { ...load, cpuMs: (await this.proxy.call<number>('cpu')) - cpuBefore }
  }

  /** The same while the proxy is switched. */
  async measureSwitching(
    seconds: number,
    options: { perSecond: number; probed?: boolean; calm?: boolean },
  ): Promise<{ load: Measured; switching: SwitchResult }> {
    await this.proxy.call('switchAtRate', options)
    const load = await this.measure(seconds)
    return { load, switching: await this.proxy.call<SwitchResult>('stopSwitching') }
  }

  async openLongLived(): Promise<void> {
    const many = { streams: 50, webSockets: 50 }
    await this.load.call('openLongLived', { port: this.#port, host: hostOf(0), ...many })
  }

  async stop(): Promise<void> {
    await this.load.call('stop')
    await Promise.all([this.load.stop(), this.proxy.stop(), this.servers.stop()])
  }
}

/** How load with switches compares with the same load before and after, without. */
export function comparison(before: LoadResult, during: LoadResult, after: LoadResult): Row {
  const rate = (load: LoadResult) => load.requests / load.seconds
  const calm = (of: (load: LoadResult) => number) => (of(before) + of(after)) / 2
  return {
    'requests/s without': Math.round(calm(rate)),
    with: Math.round(rate(during)),
    ratio: rate(during) / calm(rate),
    'p50 ms': `${calm(({ p50 }) => p50).toFixed(1)} -> ${during.p50.toFixed(1)}`,
    'p99 ms': `${calm(({ p99 }) => p99).toFixed(1)} -> ${during.p99.toFixed(1)}`,
    'p99 ratio': during.p99 / calm(({ p99 }) => p99),
    'p99.9 ms': `${calm(({ p999 }) => p999).toFixed(1)} -> ${during.p999.toFixed(1)}`,
    'p99.9 ratio': during.p999 / calm(({ p999 }) => p999),
  }
}

/** All that went wrong in some measurements. */
export class Wrongs {
  failed = 0
  mixed = 0
  closed = 0
  readonly examples: string[] = []

  add(...results: readonly LoadResult[]): void {
    for (const { failed, mixed, closed, examples } of results) {
      this.failed += failed
      this.mixed += mixed
      this.closed += closed
      this.examples.push(...examples)
    }
  }

  get counts() {
    const { failed, mixed, closed } = this
    return { failed, mixed, 'client connections closed': closed }
  }
}
