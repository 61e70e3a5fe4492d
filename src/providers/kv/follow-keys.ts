import type { ConfigSink, Provider } from '../../model/provider.js'
import { AliasProvider } from '../alias-provider.js'
import type { KvOptions } from './kv-options.js'
import type { KvPrefix } from './kv-prefix.js'
import { KvSource } from './kv-source.js'
import type { KvStore } from './kv-store.js'

/** Creates a provider that reads a configuration from the keys of a store and delivers it again whenever they change. */
export function followKeys(
  store: KvStore,
  prefix: KvPrefix,
  options: KvOptions & { name: string },
): Provider {
  const { aliasKey, followTarget = false, debounceMs = 100, allowEmpty = false, watch = true } = options
  const needsAlias = aliasKey !== undefined
  const source = new KvSource(store, {
    prefix: prefix.path,
    needsAlias,
    followTarget,
    debounceMs,
    allowEmpty,
    allowedPrefix: prefix.pathOf(options.allowedPrefix),
  })
  const { name, throttleMs = 0 } = options
  const provider = new AliasProvider({ source, fetcher: source, name, allowEmpty, throttleMs })
  return watch ? provider : untilLive(provider)
}

/** Wraps a provider so that it stops by itself as soon as a configuration that it delivered is live. */
function untilLive(provider: Provider): Provider {
  const stopWhenLive = (sink: ConfigSink): ConfigSink => {
    let isUnavailable = false
    let isDone = false
    return {
      update: async (config, about) => {
        const delivery = await sink.update(config, about)
        if (delivery.state !== 'live' || isDone) return delivery
        isDone = true
        await provider.stop()
        // If the provider reported an outage, report the end of the outage now. The stopped provider does not query the store, so
        // it cannot report that later.
        if (isUnavailable) sink.recovered()
        return delivery
      },
      reject: (error, about) => sink.reject(error, about),
      unavailable: (error) => {
        if (isDone) return
        isUnavailable = true
        sink.unavailable(error)
      },
      recovered: () => {
        isUnavailable = false
        sink.recovered()
      },
    }
  }
  return {
    name: provider.name,
    start: (sink) => provider.start(stopWhenLive(sink)),
    stop: () => provider.stop(),
  }
}
