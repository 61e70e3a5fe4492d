// A provider of your own: a document under a key in Redis. Whoever writes it rings on a channel of the same name.
// Run: REDIS_URL=redis://127.0.0.1:6379 npx tsx examples/18-redis.ts
// Then: redis-cli SET routes '{"frontends": ...}' and redis-cli PUBLISH routes changed
import { createClient } from '@redis/client'
import { type ConfigSink, createProxy, type Provider, type ProviderConfig, ProxyError } from 'switchover'

class RedisProvider implements Provider {
  readonly name = 'redis'
  readonly #store = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', RESP: 2 })
  readonly #bell = this.#store.duplicate()

  async start(sink: ConfigSink): Promise<void> {
    const look = () => void this.#read(sink) // also when there is a connection again: a ring may be lost
    this.#store.on('error', (error: Error) => sink.unavailable(error)).on('ready', look)
    this.#bell.on('error', () => {}).on('ready', look)
    const connecting = Promise.all([this.#store.connect(), this.#bell.connect()])
    connecting.then(() => this.#bell.subscribe('routes', look)).catch(() => {}) // it was stopped
  }

  async #read(sink: ConfigSink): Promise<void> {
    const text = await this.#store.get('routes').catch(() => undefined)
    if (text === undefined) return // the client says why
    sink.recovered()
    try {
      await sink.update(JSON.parse(text ?? '') as ProviderConfig)
    } catch (error) {
      sink.reject(new ProxyError('PROXY_CONFIG_UNUSABLE', `routes in Redis: ${(error as Error).message}`))
    }
  }

  async stop(): Promise<void> {
    for (const client of [this.#store, this.#bell]) client.destroy()
  }
}

const proxy = createProxy({ providers: [new RedisProvider()], logLevel: 'info' })
const { url } = await proxy.listen({ port: Number(process.env.PORT ?? 8000), host: '127.0.0.1' })
console.log('listening on', url)
process.on('SIGTERM', () => void proxy.close())
