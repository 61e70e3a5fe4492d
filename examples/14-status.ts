/**
 * Looks at a running proxy from outside: a status server with a dashboard, metrics and Traefik's API, an access log and an
 * application log. Everything is off unless it is asked for.
 *
 *     npx tsx examples/14-status.ts
 */
import { createProxy, StaticProvider } from 'switchover'
import { NamedServer } from './demo/named-server.js'

const [blue, green] = await Promise.all([NamedServer.start('blue'), NamedServer.start('green')])
const version = (name: string, url: string) => ({
  version: name,
  frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
  backends: { web: { servers: { one: { url } } } },
})

const provider = new StaticProvider({ config: version('blue', blue.url) })
const proxy = createProxy({
  providers: [provider],
  status: { address: ':0' }, // any port of 127.0.0.1; ':8080' in real life, and a token if others can reach it
  accessLog: { stream: process.stdout }, // or file: '/var/log/switchover/access.log'
  logLevel: 'info',
})
const { url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
const status = await proxy.statusAddress()
await proxy.ready()
console.log(`dashboard at ${status.url}/dashboard/`)

await fetch(url)
await provider.update(version('green', green.url))
const history = (await (await fetch(`${status.url}/api/history`)).json()) as { entries: object[] }
console.log('switches so far, newest first:', history.entries)

await proxy.close()
await Promise.all([blue.close(), green.close()])
