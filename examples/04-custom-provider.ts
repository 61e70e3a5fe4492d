// A provider of your own: here, routes from an environment variable, read anew on SIGHUP.
// Run: ROUTES='a.test=http://127.0.0.1:9001' npx tsx examples/04-custom-provider.ts
import { type ConfigSink, createProxy, type Provider, type ProviderConfig } from 'switchover'

class EnvironmentProvider implements Provider {
  readonly name = 'environment'
  #deliver = () => {}

  async start(sink: ConfigSink): Promise<void> {
    this.#deliver = () => void sink.update(readRoutes(process.env.ROUTES ?? 'a.test=http://127.0.0.1:9001'))
    process.on('SIGHUP', this.#deliver)
    this.#deliver()
  }

  async stop(): Promise<void> {
    process.off('SIGHUP', this.#deliver)
  }
}

function readRoutes(text: string): ProviderConfig {
  const routes = text.split(',').map((route) => route.split('='))
  return {
    frontends: Object.fromEntries(routes.map(([host = '']) => [host, { backend: host, rule: { host } }])),
    backends: Object.fromEntries(
      routes.map(([host = '', url = '']) => [host, { servers: { only: { url } } }]),
    ),
  }
}

const proxy = createProxy({ providers: [new EnvironmentProvider()] })
proxy.on('configRejected', ({ error }) => console.error(error.message))
await proxy.listen({ port: 0, host: '127.0.0.1' })
await proxy.ready({ timeoutMs: 2_000 })
console.log(proxy.explain({ host: 'a.test', path: '/', clientAddress: '127.0.0.1' }).text)
await proxy.close()
