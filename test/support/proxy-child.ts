import { ApiConfigFetcher, createProxy, EtcdAliasProvider, LastGoodFile, type ReverseProxy } from 'switchover'
import { httpGet } from './http-get.js'

/** What a parent asks of this process, which has nothing in it but proxies. */
export type Order =
  | { readonly do: 'start'; readonly settings: Settings }
  | { readonly do: 'close' }
  | { readonly do: 'cycle'; readonly times: number; readonly settings: Settings }

export interface Settings {
  readonly hosts: string
  readonly aliasKey: string
  readonly url: string
  readonly idleTimeoutMs?: number
  readonly lastGood?: string
}

/** What it tells of itself. */
export type Word =
  | { readonly is: 'here' }
  | { readonly is: 'listening'; readonly port: number }
  | { readonly is: 'changed'; readonly version: string | undefined }
  | { readonly is: 'rejected' | 'unavailable'; readonly code: string | undefined; readonly message: string }
  | { readonly is: 'closed'; readonly closeMs: number; readonly lingerMs: number; readonly left: string[] }
  | { readonly is: 'cycled'; readonly cycles: number; readonly ms: number; readonly usage: Usage }

/** All that could pile up in a process. */
export interface Usage {
  /** What would keep the process running. */
  readonly resources: readonly string[]
  readonly descriptors: number
  readonly heapBytes: number
  /** Of `process`, by event. */
  readonly listeners: Readonly<Record<string, number>>
}

const GIVE_UP_MS = 15_000
const WARM_UP_CYCLES = 10

const say = (word: Word) => process.send?.(word)
let proxy: ReverseProxy | undefined

function create({ hosts, aliasKey, url, idleTimeoutMs, lastGood }: Settings): ReverseProxy {
  const fetcher = new ApiConfigFetcher({ url, ...(idleTimeoutMs !== undefined && { idleTimeoutMs }) })
  return createProxy({
    providers: [new EtcdAliasProvider({ hosts, aliasKey, fetcher })],
    ...(lastGood !== undefined && { lastGood: new LastGoodFile(lastGood) }),
  })
}

async function start(settings: Settings): Promise<void> {
  const started = create(settings)
  proxy = started
  const codeOf = (error: Error) => (error as { code?: string }).code
  started.on('configChanged', ({ version }) => say({ is: 'changed', version }))
  started.on('configRejected', ({ error }) =>
    say({ is: 'rejected', code: codeOf(error), message: error.message }),
  )
  started.on('providerUnavailable', ({ error }) =>
    say({ is: 'unavailable', code: codeOf(error), message: error.message }),
  )
  const { port } = await started.listen({ port: 0, host: '127.0.0.1' })
  say({ is: 'listening', port: Number(port) })
}

/** What keeps this process running beside what kept it running from the beginning. */
function left(): string[] {
  const resources = process.getActiveResourcesInfo()
  for (const own of before) {
    const at = resources.indexOf(own)
    if (at >= 0) resources.splice(at, 1)
  }
  return resources
}

async function close(): Promise<void> {
  const start = performance.now()
  await proxy?.close({ drainMs: 0 })
  const closed = performance.now()
  const look = () => {
    const still = left()
    const lingerMs = performance.now() - closed
    if (still.length === 0 || lingerMs > GIVE_UP_MS)
      say({ is: 'closed', closeMs: closed - start, lingerMs, left: still })
    // Without a reference, for it must not find itself.
    else setTimeout(look, 5).unref()
  }
  look()
}

async function cycleOnce(settings: Settings): Promise<void> {
  const cycled = create(settings)
  const { port } = await cycled.listen({ port: 0, host: '127.0.0.1' })
  await cycled.ready({ timeoutMs: 10_000 })
  const { status } = await httpGet({ port: Number(port) })
  if (status !== 200) throw new Error(`status ${status}`)
  await cycled.close()
}

async function cycle(times: number, settings: Settings): Promise<void> {
  const began = performance.now()
  const tell = async (cycles: number) =>
    say({ is: 'cycled', cycles, ms: performance.now() - began, usage: await usage() })
  // What is loaded, compiled and pooled on first use is no leak.
  for (let done = 0; done < WARM_UP_CYCLES; done++) await cycleOnce(settings)
  await settled()
  await tell(0)
  for (let done = 1; done <= times; done++) {
    await cycleOnce(settings)
    if (done % 100 === 0 && done < times) await tell(done)
  }
  await settled()
  await tell(times)
}

/** Connections that nobody uses are kept for some seconds, in case somebody does. */
async function settled(): Promise<void> {
  const { readdirSync } = await import('node:fs')
  const start = performance.now()
  let fewest = Number.POSITIVE_INFINITY
  let since = start
  while (performance.now() - start < GIVE_UP_MS && performance.now() - since < 4_500) {
    const open = readdirSync('/proc/self/fd').length
    if (open < fewest) since = performance.now()
    fewest = Math.min(fewest, open)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function usage(): Promise<Usage> {
  const { readdirSync } = await import('node:fs')
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const names = process.eventNames()
  return {
    resources: left(),
    descriptors: readdirSync('/proc/self/fd').length,
    heapBytes: process.memoryUsage().heapUsed,
    listeners: Object.fromEntries(names.map((name) => [String(name), process.listenerCount(name)])),
  }
}

process.on('message', (order: Order) => {
  if (order.do === 'start') void start(order.settings)
  else if (order.do === 'close') void close()
  else void cycle(order.times, order.settings)
})
const before = process.getActiveResourcesInfo()
say({ is: 'here' })
