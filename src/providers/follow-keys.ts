import type { ConfigSink, Provider } from '../model/provider.js'
import { AliasProvider } from './alias-provider.js'
import type { KvOptions } from './kv-options.js'
import type { KvPrefix } from './kv-prefix.js'
import { KvSource, type KvStore } from './kv-source.js'

/** A provider that follows keys of a store. */
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
  })
  const { name, allowedPrefix, throttleMs = 0 } = options
  const provider = new AliasProvider({
    source,
    fetcher: source,
    name,
    allowEmpty,
    throttleMs,
    ...(allowedPrefix !== undefined && { allowedPrefix }),
  })
  return watch ? provider : untilLive(provider)
}

/** A provider that stops by itself as soon as something of it is live. */
function untilLive(provider: Provider): Provider {
  const stopWhenLive = (sink: ConfigSink): ConfigSink => ({
    update: async (config, about) => {
      const delivery = await sink.update(config, about)
      if (delivery.state === 'live') await provider.stop()
      return delivery
    },
    reject: (error, about) => sink.reject(error, about),
    trouble: (error) => sink.trouble(error),
    recovered: () => sink.recovered(),
  })
  return {
    name: provider.name,
    start: (sink) => provider.start(stopWhenLive(sink)),
    stop: () => provider.stop(),
  }
}
