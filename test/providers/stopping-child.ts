import { ApiConfigFetcher, EtcdAliasProvider } from 'switchover'

/**
 * A process that follows an alias until its parent says so, tells how long the stop took, and then ends by itself: as
 * soon as nothing is left that keeps it running.
 */
const [hosts = '', aliasKey = '', url = ''] = process.argv.slice(2)
const provider = new EtcdAliasProvider({ hosts, aliasKey, fetcher: new ApiConfigFetcher({ url }) })

const say = (word: unknown) => process.connected && process.send?.(word)

process.on('message', async () => {
  const start = performance.now()
  await provider.stop()
  const { length: timers } = process.getActiveResourcesInfo().filter((name) => name === 'Timeout')
  say({ stopMs: performance.now() - start, timers })
  process.disconnect()
})
await provider.start({
  async update() {
    say('delivered')
    return { state: 'live', generation: 1 }
  },
  reject() {},
  trouble: () => say('troubled'),
  recovered() {},
})
say('started')
