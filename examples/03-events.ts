// Everything a proxy tells. Run: npx tsx examples/03-events.ts
import { createProxy, type ProviderConfig, StaticProvider } from 'switchover'

const documentFor = (port: number): ProviderConfig => ({
  version: `port ${port}`,
  frontends: { web: { backend: 'web', rule: 'Host:www.example.com' } },
  backends: { web: { servers: { one: { url: `http://127.0.0.1:${port}` } } } },
})

const provider = new StaticProvider({ config: documentFor(9001) })
const proxy = createProxy({ providers: [provider] })

proxy.on('configChanged', ({ generation, version, changes, steps }) => {
  console.log(`generation ${generation}: ${version}`, changes.backends, Object.keys(steps).join(' > '))
})
proxy.on('configRejected', ({ error }) => {
  for (const { path, code, message } of error.issues) console.log(`refused: ${path}: ${message} [${code}]`)
})
proxy.on('requestFailed', ({ host, status, error }) => console.log(`${host}: ${status} ${error.code}`))

const { url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
await proxy.ready()
await provider.update(documentFor(9002))
await provider.update({
  ...documentFor(9003),
  frontends: { web: { backend: 'wbe', rule: 'Hots:www.example.com' } },
})
await fetch(url)
await proxy.close()
