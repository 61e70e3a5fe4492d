import cluster from 'node:cluster'
import { type ConfigSink, type Provider, type ProviderConfig, validateConfig } from 'switchover'

/** In the primary: runs a provider, and hands each valid document to every worker, those that start later too. */
export async function handOn(provider: Provider): Promise<void> {
  let newest: ProviderConfig | undefined
  let generation = 0
  // A worker says when it can take the first.
  cluster.on('message', (worker) => newest && worker.send(newest))
  await provider.start({
    async update(config) {
      const checked = validateConfig(config)
      if (!checked.ok) {
        console.warn(
          `refused ${config.prefix}: ${checked.issues.map(({ path, message }) => `${path}: ${message}`)}`,
        )
        return { state: 'refused', issues: checked.issues }
      }
      newest = config
      generation += 1
      for (const worker of Object.values(cluster.workers ?? {}))
        if (worker?.isConnected()) worker.send(config)
      return { state: 'live', generation }
    },
    reject: (error) => console.warn(error.message),
    unavailable: (error) => console.warn(error.message),
    recovered: () => console.log('the source answers again'),
  })
}

/** In a worker: what the primary hands on. */
export class FromPrimary implements Provider {
  readonly name = 'primary'
  #deliver = (_config: ProviderConfig): void => {}

  async start(sink: ConfigSink): Promise<void> {
    this.#deliver = (config) => void sink.update(config)
    process.on('message', this.#deliver)
    process.send?.('ready')
  }

  async stop(): Promise<void> {
    process.off('message', this.#deliver)
  }
}
