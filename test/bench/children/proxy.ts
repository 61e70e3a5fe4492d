import type { ConfigChanged, ProviderConfig, ReverseProxy, StaticProvider } from 'switchover'
import { loadPackage } from '../parts/built-package.js'
import { answerCalls, tellParent } from '../parts/child.js'
import { sharedNow } from '../parts/clock.js'
import { type LoopBlock, LoopProbe, timeParsing } from '../parts/loop-probe.js'
import { type DocumentShape, documentOf } from '../parts/marked-documents.js'

/** Told of every switch. */
export interface Switched {
  /** Which of this process's proxies. */
  readonly proxy: number
  readonly version: string | undefined
  /** By the shared clock. */
  readonly at: number
  readonly steps: Readonly<Record<string, number>>
}

/** What came of switching at a rate. */
export interface SwitchResult {
  readonly switches: number
  readonly seconds: number
  /** The longest turn of the event loop in each switch, if that was to be measured. */
  readonly blocks: readonly LoopBlock[]
  /** The longest turn in as long a time without a switch. */
  readonly calm: readonly LoopBlock[]
}

const {
  createProxy,
  EtcdAliasProvider,
  EtcdProvider,
  ApiConfigFetcher,
  StaticProvider: Static,
} = await loadPackage()
const probe = new LoopProbe()
const proxies: ReverseProxy[] = []
let provider: StaticProvider | undefined
let shape: DocumentShape | undefined
let version = 0
let switching: { stop: () => Promise<SwitchResult> } | undefined

answerCalls({
  /** A proxy that is switched from here: what a switch costs by itself. Says its port. */
  startStatic: async (given: DocumentShape) => {
    shape = given
    provider = new Static({ config: documentOf(0, shape) })
    const [port] = await start([createProxy({ providers: [provider] })])
    return port
  },
  /** Proxies that follow an alias key in etcd. Says their ports. */
  startEtcd: ({ hosts, aliasKey, url, count = 1 }: EtcdStart) =>
    start(
      Array.from({ length: count }, () => {
        const fetcher = new ApiConfigFetcher({ url })
        return createProxy({ providers: [new EtcdAliasProvider({ hosts, aliasKey, fetcher })] })
      }),
    ),
  /** A proxy that follows keys in etcd. Says its port. */
  startKeys: (keys: KeysStart) => start([createProxy({ providers: [new EtcdProvider(keys)] })]),
  switchAtRate: (options: { perSecond: number; probed?: boolean; calm?: boolean }) => {
    switching = switchAtRate(options)
  },
  stopSwitching: () => switching?.stop(),
  switchTimes: async ({ times, pauseMs }: { times: number; pauseMs: number }) => {
    for (let done = 0; done < times; done++) {
      await switchTo(nextDocument())
      await pause(pauseMs)
    }
  },
  timeParsing,
  startProbe: () => probe.start(),
  stopProbe: () => probe.stop(),
  /** Of this process, in MiB, garbage apart if node was told to expose it. */
  memory: () => {
    for (let times = 0; times < 4; times++) globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    return { heap: heapUsed / 2 ** 20, rss: rss / 2 ** 20 }
  },
  /** CPU time of this process so far, in milliseconds. */
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  /** Connections of this process, clients' and servers'. */
  sockets: () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCPSocket')).length,
  generations: () => proxies.map(({ state }) => state.generation),
})

export interface EtcdStart {
  readonly hosts: string
  readonly aliasKey: string
  readonly url: string
  readonly count?: number
}

export interface KeysStart {
  readonly hosts: string
  readonly prefix: string
  readonly debounceMs: number
}

async function start(started: readonly ReverseProxy[]): Promise<number[]> {
  const ports: number[] = []
  for (const [index, proxy] of started.entries()) {
    proxies.push(proxy)
    proxy.on('configChanged', (event) => tellSwitched(index, event))
    proxy.on('configRejected', ({ version: rejected }) =>
      tellParent('rejected', { proxy: index, version: rejected }),
    )
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    ports.push(port)
  }
  await Promise.all(started.map((proxy) => proxy.ready()))
  return ports
}

function tellSwitched(proxy: number, { version: label, steps }: ConfigChanged): void {
  // Switches from here are many, and nobody waits for them.
  if (!provider) tellParent('switched', { proxy, version: label, at: sharedNow(), steps } satisfies Switched)
}

/** Made before anything is timed: in a real proxy a document comes from elsewhere. */
function nextDocument(): ProviderConfig {
  version += 1
  return documentOf(version, shape!)
}

async function switchTo(document: ProviderConfig): Promise<void> {
  const delivery = await provider?.update(document)
  if (delivery?.state !== 'live') throw new Error(`a switch came to nothing: ${JSON.stringify(delivery)}`)
}

function switchAtRate({
  perSecond,
  probed = false,
  calm = false,
}: {
  perSecond: number
  probed?: boolean
  calm?: boolean
}) {
  const blocks: LoopBlock[] = []
  const calmBlocks: LoopBlock[] = []
  const startedAt = performance.now()
  let switches = 0
  let running = true

  /** Also the letting go of the generation before, which comes after the event. */
  async function watched(into: LoopBlock[], work: () => Promise<unknown>): Promise<void> {
    probe.start()
    await work()
    await pause(20)
    into.push(probe.stop())
  }

  async function run(): Promise<void> {
    for (let next = startedAt; running; next += 1000 / perSecond) {
      await pause(Math.max(0, next - performance.now()))
      if (!running) break
      const document = nextDocument()
      if (calm) await watched(calmBlocks, () => pause(20))
      else if (probed) await watched(blocks, () => switchTo(document))
      else await switchTo(document)
      switches += calm ? 0 : 1
    }
  }

  const done = run()
  return {
    stop: async (): Promise<SwitchResult> => {
      running = false
      await done
      return { switches, seconds: (performance.now() - startedAt) / 1000, blocks, calm: calmBlocks }
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
