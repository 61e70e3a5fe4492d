import { ApiConfigFetcher, EtcdAliasProvider, type EtcdConnection } from 'switchover'

/** What a parent asks of this process: to follow an alias, then to stop that and tell what is left of it. */
export type Order = (EtcdConnection & { readonly aliasKey: string; readonly url: string }) | 'stop'

/** How long the stop took, and how long after it something was left that would keep a process running: if ever. */
export interface Stopped {
  readonly stopMs: number
  readonly lingerMs: number
  readonly left: readonly string[]
}

const GIVE_UP_MS = 20_000

let provider: EtcdAliasProvider | undefined
const say = (word: string | Stopped) => process.send?.(word)

/** All that keeps this process running beside what kept it running from the beginning. */
function resources(): string[] {
  const left = process.getActiveResourcesInfo()
  for (const own of before) {
    const at = left.indexOf(own)
    if (at >= 0) left.splice(at, 1)
  }
  return left
}

async function stop(): Promise<void> {
  const start = performance.now()
  await provider?.stop()
  const stopped = performance.now()
  const look = () => {
    const left = resources()
    const lingerMs = performance.now() - stopped
    if (left.length === 0 || lingerMs > GIVE_UP_MS) say({ stopMs: stopped - start, lingerMs, left })
    // Without a reference, for it must not find itself.
    else setTimeout(look, 5).unref()
  }
  look()
}

process.on('message', (order: Order) => {
  if (order === 'stop') {
    void stop()
    return
  }
  const { url, ...options } = order
  provider = new EtcdAliasProvider({ ...options, fetcher: new ApiConfigFetcher({ url }) })
  void provider.start({
    async update() {
      say('delivered')
      return { state: 'live', generation: 1 }
    },
    reject() {},
    unavailable: () => say('unavailable'),
    recovered() {},
  })
  say('started')
})
const before = process.getActiveResourcesInfo()
say('here')
